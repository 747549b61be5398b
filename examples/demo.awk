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

# Begins a step within another one; ended() says how long it took.
function step(parent,    id) {
	id = hex(16)
	began[id] = clock
	within[id] = parent
	return id
}

function span(id) {
	return "\"spanId\":\"" id "\"" (within[id] ? ",\"parentSpanId\":\"" within[id] "\"" : "")
}

# For an event `ms` from now.
function ended(id, ms) {
	return sprintf("%s,\"durationMs\":%.1f", span(id), (clock - began[id]) * 1000 + ms)
}

function below(id) { return "\"parentSpanId\":\"" id "\"" }

# A frame of a stack; pre, post: lines of code around, each quoted; locals: an object.
function frame(file, line, source, pre, code, post, locals) {
	return sprintf("{\"file\":\"/app/%s\",\"line\":%d,\"function\":\"%s\",\"inApp\":true,\"pre\":[%s],\"code\":\"%s\",\"post\":[%s],\"locals\":{%s}}",
		file, line, source, pre, code, post, locals)
}

function library(file, line, source, code) {
	return sprintf("{\"file\":\"/usr/lib/python3/%s\",\"line\":%d,\"function\":\"%s\",\"inApp\":false,\"code\":\"%s\"}", file, line, source, code)
}

function request(path, method,    id) {
	id = step("")
	event(0, "web", "request", "info", method " " path, "\"name\":\"" method " " path "\",\"method\":\"" method \
		"\",\"path\":\"" path "\"," span(id))
	return id
}

function browse(    page, web, api, took) {
	page = pick("/ /products /products/17 /about /search?q=tea")
	web = request(page, "GET")
	clock += 0.002
	api = step(web)
	took = 2 + int(rand() * 9)
	event(took, "api", "query", "debug", "SELECT id, name, price FROM products LIMIT 20",
		place("shop/catalog.py", 52, "list_products") "," ended(api, took))
	if (rand() < 0.2)
		event(900, "api", "log", "warning", "slow query: 911 ms", place("shop/db.py", 88, "execute") "," below(api))
	event(3, "web", "response", "info", "200 " page, "\"response\":\"success\",\"status\":200," ended(web, 3))
}

# The gateway counts in cents, and once the amount was converted twice.
function card_declined(order, total, billing,    cents) {
	cents = sprintf("%.0f", total * 10000)
	event(180, "billing", "error", "error", "CardDeclined: insufficient funds for order " order,
		place("billing/charge.py", 74, "charge") "," below(billing) \
		",\"response\":\"fail\",\"locals\":{\"order_id\":" order ",\"amount\":" cents \
		",\"currency\":\"EUR\",\"attempt\":1,\"card\":\"[scrubbed]\",\"gateway\":{\"name\":\"paygate\"" \
		",\"status\":402,\"reason\":\"insufficient_funds\"}},\"stacktrace\":[" \
		frame("billing/worker.py", 31, "run", "\"    card = cards.of(order.customer_id)\"", "    result = charge(order, card)", \
			"\"    return result.id\"", "\"order_id\":" order) "," \
		library("requests/sessions.py", 589, "request", "resp = self.send(prep, **send_kwargs)") "," \
		frame("billing/charge.py", 74, "charge", "\"    reply = gateway.pay(card, cents(amount), currency)\",\"    if not reply.ok:\"", \
			"        raise CardDeclined(reply.reason)", "\"    return reply\"", \
			"\"order_id\":" order ",\"amount\":" cents ",\"currency\":\"EUR\",\"attempt\":1") "]")
}

function division(order, worker,    customer) {
	customer = 1000 + int(rand() * 9000)
	event(22, "worker", "error", "error", "ZeroDivisionError: division by zero",
		place("shop/tasks.py", 97, "split_discount") "," below(worker) \
		",\"response\":\"fail\",\"locals\":{\"order_id\":" order ",\"discount\":5.0,\"item_count\":0,\"items\":[]" \
		",\"customer\":{\"id\":" customer ",\"group\":\"wholesale\",\"email\":\"[scrubbed]\"}" \
		",\"share\":null},\"stacktrace\":[" \
		library("celery/app/trace.py", 477, "trace_task", "R = retval = fun(*args, **kwargs)") "," \
		frame("shop/tasks.py", 61, "checkout", "\"    order = Order.load(order_id)\"", "    total = split_discount(order)", \
			"\"    pay(order, total)\"", "\"order_id\":" order) "," \
		frame("shop/tasks.py", 97, "split_discount", "\"    items = [i for i in order.items if i.in_stock]\"", \
			"    share = discount / len(items)", "\"    return [i.price - share for i in items]\"", \
			"\"order_id\":" order ",\"discount\":5.0,\"item_count\":0,\"items\":[]") "]")
}

function checkout(    order, total, items, fate, web, api, worker, billing, took) {
	order = 4000 + n * 10 + int(rand() * 10)
	total = 10 + int(rand() * 9000) / 100
	items = 1 + int(rand() * 5)
	fate = n % 8 == 3 ? "declined" : n % 8 == 6 ? "division" : "good"
	web = request("/checkout", "POST")
	clock += 0.003
	api = step(web)
	event(0, "api", "request", "info", "create order " order " for EUR " total,
		place("shop/orders.py", 40, "create_order") "," span(api) ",\"locals\":{\"order_id\":" order ",\"amount\":" total \
		",\"item_count\":" items "}")
	event(5, "api", "query", "debug", "INSERT INTO orders VALUES (…)", "\"durationMs\":3.2," below(api))
	event(2, "api", "response", "info", "202 order accepted", "\"response\":\"success\",\"status\":202," ended(api, 2))
	event(2, "web", "response", "info", "202 /checkout", "\"response\":\"success\",\"status\":202," ended(web, 2))
	clock += 0.038
	worker = step(api)
	event(0, "worker", "task", "info", "checkout.pay started",
		place("shop/tasks.py", 58, "checkout") ",\"queueMs\":38," span(worker) ",\"locals\":{\"order_id\":" order "}")
	if (fate == "division") {
		division(order, worker)
		event(3, "worker", "task", "warning", "checkout.pay ended: order " order " stays unpaid", "\"response\":\"fail\"," ended(worker, 3))
		return
	}
	clock += 0.015
	billing = step(worker)
	event(0, "billing", "request", "info", "charge order " order,
		place("billing/charge.py", 52, "charge") "," span(billing) ",\"locals\":{\"orderId\":\"" order "\",\"amount\":" total "}")
	if (fate == "declined") {
		card_declined(order, total, billing)
		event(2, "billing", "response", "info", "402 insufficient funds", "\"response\":\"fail\",\"status\":402," ended(billing, 2))
		event(5, "worker", "task", "warning", "checkout.pay ended: order " order " stays unpaid",
			place("shop/tasks.py", 120, "pay") ",\"response\":\"fail\"," ended(worker, 5))
		return
	}
	took = 150 + int(rand() * 90)
	event(took, "billing", "response", "info", "charged EUR " total, "\"response\":\"success\",\"status\":200," ended(billing, took))
	event(4, "worker", "task", "info", "checkout.pay done", "\"response\":\"success\"," ended(worker, 4))
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
