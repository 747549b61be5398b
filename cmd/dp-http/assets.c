#include "assets.h"

#include "answer.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Puts a file's bytes between the symbols NAME and NAME_end; gcc 12 has no #embed. */
#define EMBED(NAME, FILE)                                                 \
	__asm__(".section .rodata\n" NAME ": .incbin \"" FILE "\"\n" NAME \
		"_end: .byte 0\n.previous\n")

EMBED("asset_index_html", "ui/index.html");
EMBED("asset_app_css", "ui/app.css");
EMBED("asset_icon_svg", "ui/icon.svg");
EMBED("asset_app_js", "ui/app.js");
EMBED("asset_api_js", "ui/api.js");
EMBED("asset_dom_js", "ui/dom.js");
EMBED("asset_format_js", "ui/format.js");
EMBED("asset_list_js", "ui/list.js");
EMBED("asset_trace_js", "ui/trace.js");
EMBED("asset_openapi_yaml", "docs/openapi.yaml");

/* Not const, though nothing may write there: the library takes no pointer to const. */
extern char asset_index_html[], asset_index_html_end[];
extern char asset_app_css[], asset_app_css_end[];
extern char asset_icon_svg[], asset_icon_svg_end[];
extern char asset_app_js[], asset_app_js_end[];
extern char asset_api_js[], asset_api_js_end[];
extern char asset_dom_js[], asset_dom_js_end[];
extern char asset_format_js[], asset_format_js_end[];
extern char asset_list_js[], asset_list_js_end[];
extern char asset_trace_js[], asset_trace_js_end[];
extern char asset_openapi_yaml[], asset_openapi_yaml_end[];

#define SCRIPT "text/javascript; charset=utf-8"

static const struct asset {
	const char *path;
	const char *type;
	char *data;
	char *end;
} assets[] = {
    {"/", "text/html; charset=utf-8", asset_index_html, asset_index_html_end},
    {"/app.css", "text/css; charset=utf-8", asset_app_css, asset_app_css_end},
    {"/icon.svg", "image/svg+xml", asset_icon_svg, asset_icon_svg_end},
    {"/app.js", SCRIPT, asset_app_js, asset_app_js_end},
    {"/api.js", SCRIPT, asset_api_js, asset_api_js_end},
    {"/dom.js", SCRIPT, asset_dom_js, asset_dom_js_end},
    {"/format.js", SCRIPT, asset_format_js, asset_format_js_end},
    {"/list.js", SCRIPT, asset_list_js, asset_list_js_end},
    {"/trace.js", SCRIPT, asset_trace_js, asset_trace_js_end},
    {"/openapi.yaml", "application/yaml", asset_openapi_yaml, asset_openapi_yaml_end},
};

static const struct asset *find(struct dp_str path)
{
	for (size_t i = 0; i < sizeof assets / sizeof *assets; i++)
		if (dp_str_is(path, assets[i].path))
			return &assets[i];
	return NULL;
}

bool assets_has(struct dp_str path)
{
	return find(path) != NULL;
}

/* The entity tag: FNV-1a, 64 bits, of the contents. */
static void write_tag(const struct asset *a, char out[24])
{
	uint64_t hash = 0xcbf29ce484222325;

	for (const char *p = a->data; p < a->end; p++)
		hash = (hash ^ (unsigned char)*p) * 0x100000001b3;
	snprintf(out, 24, "\"%016" PRIx64 "\"", hash);
}

/* Whether If-None-Match names the tag, weakly compared (RFC 9110, 13.1.2). */
static bool client_has(struct request *r, const char *tag)
{
	const char *header =
	    MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "If-None-Match");

	return header && (strcmp(header, "*") == 0 || strstr(header, tag));
}

bool assets_answer(struct request *r, enum MHD_Result *result)
{
	const struct asset *a = find(r->path);
	struct MHD_Response *response;
	char tag[24];
	bool same;

	if (!a)
		return false;
	write_tag(a, tag);
	same = client_has(r, tag);
	response = MHD_create_response_from_buffer(
	    same ? 0 : (size_t)(a->end - a->data), a->data, MHD_RESPMEM_PERSISTENT);
	*result = MHD_NO;
	if (!response)
		return true;
	MHD_add_response_header(response, "Content-Type", a->type);
	MHD_add_response_header(response, "ETag", tag);
	MHD_add_response_header(response, "Cache-Control", "no-cache");
	*result = answer_queue(r, same ? 304 : 200, &response);
	return true;
}
