"""Chromium by the W3C WebDriver protocol, with nothing but the standard library.

    browser.py URL [--size WIDTHxHEIGHT] [--dark] < STEPS

A step is a line, a command and the rest of the line:

    wait EXPRESSION     until it is true in the page, at most 10 s
    run STATEMENTS      in the page
    print EXPRESSION    its value as JSON on stdout
    keys TEXT           to the focused element; {TAB}, {ENTER}
    sh COMMAND          outside
    shot FILE           a screenshot

Ends with 1 at the first step that fails, at any message in the browser's console of level SEVERE
(allowed by "quiet off"), and at any request to another origin.
"""

import base64
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

KEYS = {"{TAB}": "\ue004", "{ENTER}": "\ue007"}
ARGUMENTS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage",
]


class Driver:
    def __init__(self, port):
        self.base = f"http://127.0.0.1:{port}"

    def call(self, method, path, body=None):
        request = urllib.request.Request(
            self.base + path, method=method, headers={"Content-Type": "application/json"},
            data=None if body is None else json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.load(error)["value"]["message"].split("\n")[0]) from None

    def start(self, profile, size):
        for _ in range(200):
            try:
                if self.call("GET", "/status")["ready"]:
                    break
            except OSError:
                time.sleep(0.05)
        options = {"args": [*ARGUMENTS, f"--user-data-dir={profile}", f"--window-size={size.replace('x', ',')}"]}
        session = self.call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "goog:loggingPrefs": {"browser": "ALL"}, "goog:chromeOptions": options}}})
        self.base += f"/session/{session['sessionId']}"

    def cdp(self, cmd, **params):
        self.call("POST", "/goog/cdp/execute", {"cmd": cmd, "params": params})

    def script(self, text):
        return self.call("POST", "/execute/sync", {"script": text, "args": []})


def wait_until(driver, expression):
    end = time.monotonic() + 10
    while not driver.script(f"try {{ return Boolean({expression}); }} catch {{ return false; }}"):
        if time.monotonic() > end:
            text = driver.script("return document.body.innerText")
            raise RuntimeError(f"never came true: {expression}\nthe page says:\n{text}")
        time.sleep(0.05)


def press(driver, text):
    for name, key in KEYS.items():
        text = text.replace(name, key)
    actions = [{"type": kind, "value": key} for key in text for kind in ("keyDown", "keyUp")]
    driver.call("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})


def step(driver, command, rest):
    if command == "wait":
        wait_until(driver, rest)
    elif command == "run":
        driver.script(rest)
    elif command == "print":
        print(json.dumps(driver.script(f"return {rest}")), flush=True)
    elif command == "keys":
        press(driver, rest)
    elif command == "sh":
        subprocess.run(rest, shell=True, check=True, stdin=subprocess.DEVNULL)
    elif command == "shot":
        with open(rest, "wb") as file:
            file.write(base64.b64decode(driver.call("GET", "/screenshot")))
    else:
        raise RuntimeError(f"no such step: {command}")


def run_steps(driver, url):
    quiet = True
    for line in sys.stdin:
        command, _, rest = line.strip().partition(" ")
        if command == "quiet":
            quiet = rest == "on"
        elif command and not command.startswith("#"):
            step(driver, command, rest)
    origins = driver.script(
        "return performance.getEntriesByType('resource').map((r) => new URL(r.name).origin)")
    strange = [origin for origin in origins if not url.startswith(origin)]
    if strange:
        raise RuntimeError(f"requests to other origins: {strange}")
    severe = [entry["message"] for entry in driver.call("POST", "/se/log", {"type": "browser"})
              if entry["level"] == "SEVERE"]
    if quiet and severe:
        raise RuntimeError(f"the console says: {severe}")


def main():
    url = sys.argv[1]
    size = sys.argv[sys.argv.index("--size") + 1] if "--size" in sys.argv else "1280x900"
    width, height = map(int, size.split("x"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            ["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        driver = Driver(port)
        try:
            driver.start(profile, size)
            driver.cdp("Emulation.setEmulatedMedia", features=[{
                "name": "prefers-color-scheme", "value": "dark" if "--dark" in sys.argv else "light"}])
            driver.cdp("Emulation.setDeviceMetricsOverride",
                       width=width, height=height, deviceScaleFactor=1, mobile=width < 500)
            driver.call("POST", "/url", {"url": url})
            run_steps(driver, url)
        finally:
            try:
                driver.call("DELETE", "")
            except (OSError, RuntimeError):
                pass
            process.terminate()
            process.wait()


if __name__ == "__main__":
    try:
        main()
    except (RuntimeError, subprocess.CalledProcessError) as failure:
        sys.exit(f"{os.path.basename(sys.argv[0])}: {failure}")
