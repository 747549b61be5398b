# For Homebrew on Linux, where Debian's packages are not at hand. In a tap of one's own:
#
#	brew tap-new devpulse/local
#	cp packaging/homebrew/devpulse.rb "$(brew --repository devpulse/local)/Formula/"
#	HOMEBREW_DEVPULSE_GIT=$PWD brew install --HEAD devpulse/local/devpulse
#
# It has no homepage and no license, as DevPulse has none yet; nor a release that it could name.
class Devpulse < Formula
  desc "Errors with their local variables, and how data flowed to them"
  head ENV.fetch("HOMEBREW_DEVPULSE_GIT", ""), using: :git, branch: "main"

  depends_on "node" => :build
  depends_on "python@3.13" => :build
  depends_on "curl"
  depends_on "json-c"
  depends_on "libmicrohttpd"
  depends_on "libpq"
  depends_on "libwebsockets"
  # epoll, eventfd, accept4, /proc; and flock, setsid and tail --pid in the script that runs it.
  depends_on :linux
  depends_on "sqlite"
  depends_on "util-linux"
  depends_on "zlib"

  def install
    # For docs/openapi-to-json, which runs the Python of the system.
    system "python3.13", "-m", "venv", "yaml"
    system "yaml/bin/pip", "install", "--quiet", "pyyaml"
    ENV["PYTHONPATH"] = Dir["yaml/lib/python*/site-packages"].first
    system "make", "install", "PREFIX=#{prefix}"
    odie "The page could not be bundled: see above" if File.empty?("build/ui/app.js")
  end

  service do
    run [opt_bin/"devpulse", "up"]
    keep_alive true
  end

  test do
    events = "127.0.0.1:#{free_port}"
    page = "127.0.0.1:#{free_port}"
    ENV["DEVPULSE_STATE_DIR"] = testpath/"state"
    ENV["DEVPULSE_LISTEN"] = events
    ENV["DEVPULSE_HTTP_LISTEN"] = page
    system bin/"devpulse", "up", "-d"
    begin
      pipe_output("#{bin}/dp-send --url ws://#{events}/", '{"traceId":"brewed"}', 0)
      assert_match "/app.js", shell_output("curl -fsS http://#{page}/")
    ensure
      system bin/"devpulse", "down"
    end
  end
end
