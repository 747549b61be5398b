#!/usr/bin/env bats
# The page in Chromium, over a real dp-http and a real database. Each test also fails at an error in
# the browser's console (the page's policy reports there) and at a request to another origin.

load ../e2e/helpers

setup() {
	if ! command -v chromedriver >/dev/null && [ -z "${CI:-}" ]; then
		skip 'no chromedriver here'
	fi
	port=$(free_port)
	url=http://127.0.0.1:$port
	db=$(new_database sqlite)
	export db
}

teardown() { stop_background; }

lives() { curl -fsS "$url/livez" >/dev/null; }

serve() {
	background http dp-http --listen "127.0.0.1:$port" --db "$db"
	retry_until lives
}

store() { dp-store --db "$db" 2>>"$BATS_TEST_TMPDIR/store.err"; }

# browse PATH [OPTION...]: the steps are on stdin.
browse() { /usr/bin/python3 "$ROOT/tests/ui/browser.py" "$url$1" "${@:2}"; }

two_systems='{"traceId":"t1","timestamp":"2026-01-01T00:00:00Z","system":"web","type":"request","name":"GET /pay"}
{"traceId":"t1","timestamp":"2026-01-01T00:00:00.120Z","system":"billing","severity":"error","file":"charge.py","line":74,"source":"charge","details":"CardDeclined: no funds","locals":{"order":4275,"big":12345678901234567890123,"card":{"brand":"visa","last":["1","2"]}},"stacktrace":["first frame","second frame"]}
{"traceId":"t1","timestamp":"2026-01-01T00:00:00.200Z","system":"web","severity":"warning","type":"response","details":"502"}
{"traceId":"t0","timestamp":"2025-12-31T00:00:00Z","system":"web","details":"older"}'

@test "the newest traces, with status, systems and counts" {
	store <<<"$two_systems"
	serve
	browse / <<'STEPS'
wait document.querySelectorAll("tbody tr").length === 2
wait document.getElementById("link").textContent === "Live"
wait document.querySelector("tbody tr").innerText.replace(/\s+/g, " ").startsWith("error GET /pay t1 web billing 3 1 200 ms")
wait document.querySelectorAll("tbody tr")[1].innerText.includes("older")
wait document.title === "Traces · DevPulse"
wait getComputedStyle(document.querySelector(".badge.error")).borderRadius === "15px"
STEPS
}

@test "a new trace appears, and a known one changes, without a reload" {
	store <<<"$two_systems"
	serve
	export -f store
	browse / <<'STEPS'
wait document.getElementById("link").textContent === "Live"
run window.loadedOnce = true
sh echo '{"traceId":"fresh","system":"live","details":"just now"}' | dp-store --db "$db" 2>/dev/null
wait document.querySelector("tbody tr").innerText.includes("just now")
sh echo '{"traceId":"fresh","system":"live2","severity":"error","details":"and broken"}' | dp-store --db "$db" 2>/dev/null
wait document.querySelector("tbody tr").innerText.replace(/\s+/g, " ").includes("live live2 2 1")
wait window.loadedOnce
STEPS
}

@test "a trace: stages on one axis, events in order, errors open with locals" {
	store <<<"$two_systems"
	serve
	browse '/#/trace/t1' <<'STEPS'
wait document.querySelectorAll(".stages li").length === 2
wait document.querySelector("h1").textContent === "GET /pay"
wait [...document.querySelectorAll(".stage .name")].map((n) => n.innerText).join() === "web,billing"
wait document.querySelector(".bar").style.left === "0%" && document.querySelector(".bar").style.width === "100%"
wait document.querySelectorAll(".bar")[1].style.left === "60%"
wait document.querySelectorAll(".bar")[1].getBoundingClientRect().left > document.querySelectorAll(".bar")[0].getBoundingClientRect().left + 100
wait [...document.querySelectorAll(".event .message")].map((n) => n.textContent).join("|") === "GET /pay|CardDeclined: no funds|502"
wait [...document.querySelectorAll(".event")].map((n) => n.open).join() === "false,true,false"
wait document.querySelector(".event.error .place").textContent === "charge.py:74"
wait document.querySelector(".event.error .stack").textContent === "first frame\nsecond frame"
wait document.querySelector(".event.error .tree").innerText.includes("big 12345678901234567890123")
run [...document.querySelectorAll(".event.error .tree summary")].find((n) => n.innerText.includes("card")).click()
wait document.querySelector(".event.error .tree").innerText.includes("brand visa")
STEPS
}

@test "a stack of frames: code and locals of each, the application's last one open" {
	store <<'EVENT'
{"traceId":"f1","system":"api","severity":"error","name":"ZeroDivisionError","details":"division by zero","file":"shop/tasks.py","line":97,"source":"split","stacktrace":[{"file":"shop/tasks.py","line":61,"function":"checkout","inApp":true,"code":"total = split(order)","pre":["order = load(17)"],"post":["return total"],"locals":{"order_id":17}},{"file":"shop/tasks.py","line":97,"function":"split","inApp":true,"code":"share = discount / len(items)","pre":["items = []"],"post":[],"locals":{"items":[],"discount":5}},{"file":"lib/decimal.py","line":3,"function":"divide","inApp":false,"code":"raise"}]}
EVENT
	serve
	browse '/#/trace/f1' <<'STEPS'
wait document.querySelectorAll(".frames > li").length === 3
wait [...document.querySelectorAll(".frames > li > details")].map((n) => n.open).join() === "false,true,false"
wait document.querySelectorAll(".frames > li")[1].querySelector("summary").textContent === "shop/tasks.py:97 in split"
wait document.querySelectorAll(".frames > li")[1].querySelector("mark").textContent === "share = discount / len(items)"
wait document.querySelectorAll(".frames > li")[1].querySelector("pre").innerText === "items = []\nshare = discount / len(items)"
wait document.querySelectorAll(".frames > li")[0].querySelector(".tree").textContent.includes("order_id")
wait document.querySelectorAll(".frames > li")[2].firstChild.className === "library"
STEPS
}

@test "a trace's page goes on live, and keeps what is open" {
	store <<<"$two_systems"
	serve
	browse '/#/trace/t1' <<'STEPS'
wait document.getElementById("link").textContent === "Live"
wait document.querySelectorAll(".event").length === 3
run document.querySelector(".event.info summary").click()
sh echo '{"traceId":"t1","timestamp":"2026-01-01T00:00:01Z","system":"mail","details":"receipt"}' | dp-store --db "$db" 2>/dev/null
wait document.querySelectorAll(".event").length === 4
wait document.querySelectorAll(".stages li").length === 3
wait document.querySelector(".event.info").open
STEPS
}

@test "a trace that has no events yet is waited for" {
	store <<<"$two_systems"
	serve
	browse '/#/trace/later' <<'STEPS'
quiet off
wait document.body.innerText.includes("No events of this trace yet")
wait document.getElementById("link").textContent === "Live"
sh echo '{"traceId":"later","details":"there it is"}' | dp-store --db "$db" 2>/dev/null
wait document.querySelector("h1").textContent === "there it is"
STEPS
}

@test "text from events stays text" {
	local bad='<img src=x onerror=\"window.pwned=1\"><script>window.pwned=1</script>'
	store <<<"{\"traceId\":\"<b>x/..\\\\\\\\,&?#%41\",\"system\":\"$bad\",\"type\":\"$bad\",\"severity\":\"error\",\"details\":\"$bad\",\"file\":\"$bad\",\"source\":\"$bad\",\"stacktrace\":[\"$bad\"],\"locals\":{\"$bad\":\"$bad\",\"__proto__\":{\"polluted\":\"$bad\"},\"deep\":{\"$bad\":[\"$bad\"]}},\"$bad\":\"$bad\"}"
	serve
	browse / <<'STEPS'
wait document.querySelector("tbody tr").innerText.includes("<script>window.pwned=1</script>")
run document.querySelector("tbody a").click()
wait document.querySelector(".event.error")
run document.querySelectorAll(".tree details").forEach((n) => { n.open = true; })
wait document.querySelector(".event.error .stack").textContent.includes("<script>")
wait document.querySelector(".trace .id code").textContent === "<b>x/..\\\\,&?#%41"
wait document.querySelectorAll("main img, main script, main b").length === 0
wait window.pwned === undefined && {}.polluted === undefined
STEPS
}

@test "nothing yet: lines to paste; then the first event shows" {
	serve
	browse / --size 390x844 <<'STEPS'
quiet off
wait document.getElementById("banner").innerText.includes("no database yet")
wait document.getElementById("link").textContent.startsWith("Database away")
wait document.body.innerText.includes("./devpulse demo")
sh dp-store --db "$db" </dev/null 2>/dev/null
wait document.body.innerText.includes("new WebSocket")
wait document.querySelector(".empty p").innerText.includes("./devpulse up printed")
wait [...document.querySelectorAll(".empty figcaption")].every((n) => n.innerText.startsWith("In a "))
wait [...document.querySelectorAll(".empty pre")].every((n) => n.scrollWidth <= n.clientWidth)
wait document.getElementById("link").textContent === "Live"
sh echo '{"traceId":"first","details":"first light"}' | dp-store --db "$db" 2>/dev/null
wait document.querySelector("tbody tr").innerText.includes("first light")
wait document.getElementById("banner").hidden
STEPS
}

@test "disconnected is shown; what was missed comes when dp-http is back" {
	store <<<"$two_systems"
	serve
	export port http_pid BATS_TEST_TMPDIR
	browse / <<'STEPS'
quiet off
wait document.getElementById("link").textContent === "Live"
sh kill "$http_pid"
wait document.getElementById("link").textContent.startsWith("Disconnected")
wait document.getElementById("banner").innerText.includes("dp-http does not answer")
wait document.querySelectorAll("tbody tr").length === 2
sh echo '{"traceId":"missed","details":"meanwhile"}' | dp-store --db "$db" 2>/dev/null
sh dp-http --listen "127.0.0.1:$port" --db "$db" >/dev/null 2>&1 3>&- & echo $! >>"$BATS_TEST_TMPDIR/pids"
wait document.getElementById("link").textContent === "Live"
wait document.querySelector("tbody tr").innerText.includes("meanwhile")
wait document.getElementById("banner").hidden
STEPS
}

@test "older pages" {
	for i in $(seq 120); do
		echo "{\"traceId\":\"n$i\",\"timestamp\":\"2026-01-01T00:$((i / 60 + 10)):$((i % 60 / 10))$((i % 10))Z\",\"details\":\"number $i\"}"
	done | store
	serve
	browse / <<'STEPS'
wait document.querySelector("tbody tr").innerText.includes("number 120")
wait document.querySelectorAll("tbody tr").length === 50
run [...document.querySelectorAll(".paging a")].find((a) => a.textContent === "Older").click()
wait document.querySelector("tbody tr").innerText.includes("number 70")
wait document.getElementById("link").textContent === "Not live"
run [...document.querySelectorAll(".paging a")].find((a) => a.textContent === "Older").click()
wait document.querySelector("tbody tr").innerText.includes("number 20")
wait document.querySelectorAll("tbody tr").length === 20
run [...document.querySelectorAll(".paging a")].find((a) => a.textContent.startsWith("Newest")).click()
wait document.querySelector("tbody tr").innerText.includes("number 120")
wait document.getElementById("link").textContent === "Live"
STEPS
}

@test "by keyboard, with the focus to be seen" {
	store <<<"$two_systems"
	serve
	browse / <<'STEPS'
wait document.querySelectorAll("tbody tr").length === 2
keys {TAB}{TAB}
wait document.activeElement.textContent === "GET /pay"
wait getComputedStyle(document.activeElement).outlineStyle === "solid"
keys {ENTER}
wait document.querySelectorAll(".event").length === 3
wait document.activeElement.id === "main"
keys {TAB}{TAB}{TAB}{TAB}
wait document.activeElement.matches(".stage") && document.activeElement.innerText.includes("billing")
keys {ENTER}
wait document.activeElement.closest(".event.error")
keys {ENTER}
wait !document.querySelector(".event.error").open
STEPS
}

@test "narrow and dark: nothing is wider than the window" {
	store <<<"$two_systems"
	store <<<'{"traceId":"averyveryveryveryveryveryveryveryveryveryveryveryverylongtraceidwithoutabreak","system":"averyveryveryveryveryveryverylongsystem","severity":"error","details":"Averyveryveryveryveryveryveryveryveryveryveryveryveryveryverylongword","file":"/a/very/very/very/very/very/very/very/very/long/path.py","line":1,"locals":{"averyveryveryveryverylongname":"averyveryveryveryveryveryveryveryveryveryverylongvalue"}}'
	serve
	for size in 390x844 860x900 1000x900 1280x900; do
		browse / --size $size --dark <<'STEPS'
wait document.querySelectorAll("tbody tr").length === 3
wait document.documentElement.scrollWidth <= innerWidth
wait getComputedStyle(document.body).backgroundColor === "rgb(17, 19, 24)"
run document.querySelector("tbody a").click()
wait document.querySelector(".event.error .tree")
wait document.documentElement.scrollWidth <= innerWidth
STEPS
	done
}

@test "an event's name stands before its details; the list and the trace have one title" {
	store <<'EVENTS'
{"traceId":"t","timestamp":"2026-01-01T00:00:00Z","name":"GET /pay","details":"from a shop"}
{"traceId":"t","timestamp":"2026-01-01T00:00:01Z","severity":"error","name":"ZeroDivisionError","details":"division by zero"}
{"traceId":"t","timestamp":"2026-01-01T00:00:02Z","severity":"error","name":"CardDeclined","details":"CardDeclined: no funds"}
{"traceId":"t","timestamp":"2026-01-01T00:00:03Z","severity":"error","name":"answer","details":{"code":502}}
{"traceId":"t","timestamp":"2026-01-01T00:00:04Z","details":"details alone"}
{"traceId":"t","timestamp":"2026-01-01T00:00:05Z","name":"name alone"}
EVENTS
	serve
	browse / <<'STEPS'
wait document.querySelector("tbody a").textContent === "GET /pay"
run document.querySelector("tbody a").click()
wait document.querySelector("h1").textContent === "GET /pay"
wait [...document.querySelectorAll(".message")].map((n) => n.textContent).join("|") === "GET /pay: from a shop|ZeroDivisionError: division by zero|CardDeclined: no funds|answer|details alone|name alone"
wait document.querySelectorAll(".event.error")[2].innerText.includes("code 502")
STEPS
}

@test "one event is not \"1 events\", and the year 1 has four digits" {
	store <<<'{"traceId":"t","timestamp":"0001-06-01T00:00:00Z","severity":"error","details":"long ago"}'
	serve
	browse / --size 390x844 <<'STEPS'
wait document.querySelector("td.events").innerText === "1 event"
wait document.querySelector("td.errors").innerText === "1 error"
wait /^0001-0/.test(document.querySelector("td.age time").title)
STEPS
}

@test "a long system is cut with an ellipsis; the mark of an opened event is at its first line" {
	store <<'EVENTS'
{"traceId":"t","system":"averyveryveryveryveryveryverylongsystem","severity":"error","details":"one\ntwo\nthree\nfour\nfive\nsix"}
EVENTS
	serve
	browse '/#/trace/t' <<'STEPS'
wait document.querySelector(".stage .badge span").scrollWidth > document.querySelector(".stage .badge span").clientWidth
wait getComputedStyle(document.querySelector(".stage .badge span")).textOverflow === "ellipsis"
wait document.querySelector(".stage .name").title === "averyveryveryveryveryveryverylongsystem"
wait document.querySelector(".event summary").clientHeight > 100
wait getComputedStyle(document.querySelector(".event summary"), "::before").alignSelf === "start"
STEPS
}

@test "a long path leaves room for the message, and is cut at its left" {
	local path=/home/someone/projects/shop/services/billing/src/charging/providers/stripe/client/charge_card.py
	store <<EVENTS
{"traceId":"t","timestamp":"2026-01-01T00:00:00Z","system":"billing","severity":"error","details":"division by zero","file":"$path","line":74}
{"traceId":"t","timestamp":"2026-01-01T00:00:01Z","system":"billing","severity":"warning","details":"tried again","file":"$path","line":75}
EVENTS
	serve
	for size in 390x844 861x900 1280x900; do
		browse '/#/trace/t' --size $size <<STEPS
wait document.querySelectorAll(".event").length === 2
wait [...document.querySelectorAll(".message")].every((n) => n.clientWidth > 120 && n.scrollWidth <= n.clientWidth)
wait document.querySelector(".event.error summary").clientHeight < 160
wait document.querySelector(".event.error .place").scrollWidth <= document.querySelector(".event.error .place").clientWidth
wait document.querySelector(".event.warning .place").title === "$path:75"
run window.place = document.querySelector(".event.warning .place").getBoundingClientRect()
run window.whole = document.querySelector(".event.warning .place bdi").getBoundingClientRect()
wait place.height < 30 && whole.left < place.left && Math.abs(whole.right - place.right) < 1
wait document.documentElement.scrollWidth <= innerWidth
STEPS
	done
}

@test "with a token: it is asked for, and used for the stream too" {
	store <<<"$two_systems"
	export DEVPULSE_TOKEN=0123456789abcdef
	serve
	browse / <<'STEPS'
quiet off
wait document.getElementById("token")
run document.getElementById("token").value = "0123456789abcdef"
run document.querySelector("form button").click()
wait document.querySelectorAll("tbody tr").length === 2
wait document.getElementById("link").textContent === "Live"
sh echo '{"traceId":"fresh","details":"just now"}' | dp-store --db "$db" 2>/dev/null
wait document.querySelector("tbody tr").innerText.includes("just now")
STEPS
}
