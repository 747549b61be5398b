# One trace of a small shop, as NDJSON: web -> api -> worker -> billing, some of them with an error.
# `devpulse demo` runs it; -v n=COUNTER -v seed=NUMBER -v now=SECONDS.FRACTION

function hex(count,    text) {
	for (text = ""; count > 0; count--)
		text = text substr("0123456789abcdef", int(rand() * 16) + 1, 1)
	return text
}

function pick(list,    parts, count) {
	count = split(list, parts, " ")
	return parts[int(rand() * count) + 1]
}

# Writes an event `ms` after the one before it; rest: its further members, as JSON.
function event(ms, from, type, severity, details, rest,    whole) {
	clock += ms / 1000
	whole = int(clock)
	printf "{\"traceId\":\"%s\",\"timestamp\":\"%s.%03dZ\",\"severity\":\"%s\",\"system\":\"%s\"," \
		"\"type\":\"%s\",\"environment\":\"dev\",\"details\":\"%s\"%s}\n", trace,
		strftime("%Y-%m-%dT%H:%M:%S", whole, 1), (clock - whole) * 1000, severity, from, type,
		details, rest ? "," rest : ""
}

function place(file, line, source) {
	return sprintf("\"file\":\"%s\",\"line\":%d,\"source\":\"%s\"", file, line, source)
}

function frame(file, line, source, code) {
	return sprintf("\"  File \\\"%s\\\", line %d, in %s\",\"    %s\"", file, line, source, code)
}

function browse(    page) {
	page = pick("/ /products /products/17 /about /search?q=tea")
	event(0, "web", "request", "info", "GET " page, "\"name\":\"GET " page "\"")
	event(4, "api", "query", "debug", "SELECT id, name, price FROM products LIMIT 20",
		place("shop/catalog.py", 52, "list_products") ",\"durationMs\":" 1 + int(rand() * 6))
	if (rand() < 0.2)
		event(900, "api", "log", "warning", "slow query: 911 ms", place("shop/db.py", 88, "execute"))
	event(6, "web", "response", "info", "200 " page, "\"response\":\"success\"")
}

function card_declined(order, total) {
	event(180, "billing", "error", "error", "CardDeclined: insufficient funds for order " order,
		place("billing/charge.py", 74, "charge") \
		",\"response\":\"fail\",\"locals\":{\"order_id\":" order ",\"amount\":" total \
		",\"currency\":\"EUR\",\"attempt\":1,\"card\":\"[scrubbed]\",\"gateway\":{\"name\":\"paygate\"" \
		",\"status\":402,\"reason\":\"insufficient_funds\"}},\"stacktrace\":[" \
		"\"Traceback (most recent call last):\"," \
		frame("/app/billing/worker.py", 31, "run", "result = charge(order, card)") "," \
		frame("/app/billing/charge.py", 74, "charge", "raise CardDeclined(reply.reason)") \
		",\"billing.errors.CardDeclined: insufficient funds for order " order "\"]")
	event(5, "worker", "task", "warning", "checkout.pay ended: order " order " stays unpaid",
		place("shop/tasks.py", 120, "pay") ",\"response\":\"fail\"")
}

function division(order) {
	event(22, "worker", "error", "error", "ZeroDivisionError: division by zero",
		place("shop/tasks.py", 97, "split_discount") \
		",\"response\":\"fail\",\"locals\":{\"order_id\":" order ",\"discount\":5.0,\"items\":[]" \
		",\"customer\":{\"id\":" 1000 + int(rand() * 9000) ",\"group\":\"wholesale\",\"email\":\"[scrubbed]\"}" \
		",\"share\":null},\"stacktrace\":[\"Traceback (most recent call last):\"," \
		frame("/app/shop/tasks.py", 61, "checkout", "total = split_discount(order)") "," \
		frame("/app/shop/tasks.py", 97, "split_discount", "share = discount / len(items)") \
		",\"ZeroDivisionError: division by zero\"]")
}

function checkout(    order, total, fate) {
	order = 4000 + n * 10 + int(rand() * 10)
	total = 10 + int(rand() * 9000) / 100
	fate = n % 8 == 3 ? "declined" : n % 8 == 6 ? "division" : "good"
	event(0, "web", "request", "info", "POST /checkout", "\"name\":\"POST /checkout\"")
	event(3, "api", "request", "info", "create order " order " for EUR " total,
		place("shop/orders.py", 40, "create_order") ",\"locals\":{\"order_id\":" order ",\"total\":" total "}")
	event(5, "api", "query", "debug", "INSERT INTO orders VALUES (…)", "\"durationMs\":3.2")
	event(2, "api", "response", "info", "202 order accepted", "\"response\":\"success\"")
	event(40, "worker", "task", "info", "checkout.pay started",
		place("shop/tasks.py", 58, "checkout") ",\"queueMs\":38,\"locals\":{\"order_id\":" order "}")
	if (fate == "division") {
		division(order)
		return
	}
	event(15, "billing", "request", "info", "charge order " order, place("billing/charge.py", 52, "charge"))
	if (fate == "declined") {
		card_declined(order, total)
		return
	}
	event(210, "billing", "response", "info", "charged EUR " total, "\"response\":\"success\",\"durationMs\":209")
	event(4, "worker", "task", "info", "checkout.pay done", "\"response\":\"success\",\"durationMs\":231")
}

BEGIN {
	srand(seed)
	trace = hex(32)
	clock = now
	if (n % 3 == 0)
		checkout()
	else
		browse()
	exit
}
