#include "assets.h"

#include "answer.h"

#include "gzip.h"

/* Puts the bytes of a file, compressed by the Makefile, between the symbols NAME and NAME_end; gcc
 * 12 has no #embed. */
#define EMBED(NAME, FILE)                                                    \
	__asm__(".section .rodata\n" NAME ": .incbin \"" FILE ".gz\"\n" NAME \
		"_end: .byte 0\n.previous\n")

EMBED("asset_index_html", "ui/index.html");
EMBED("asset_app_css", "ui/app.css");
EMBED("asset_app_js", "ui/app.js");
EMBED("asset_uplot_js", "ui/uplot.js");
EMBED("asset_icon_svg", "ui/icon.svg");
EMBED("asset_openapi_yaml", "docs/openapi.yaml");
EMBED("asset_openapi_json", "docs/openapi.json");

/* Not const, though nothing may write there: the library takes no pointer to const. */
extern char asset_index_html[], asset_index_html_end[];
extern char asset_app_css[], asset_app_css_end[];
extern char asset_app_js[], asset_app_js_end[];
extern char asset_uplot_js[], asset_uplot_js_end[];
extern char asset_icon_svg[], asset_icon_svg_end[];
extern char asset_openapi_yaml[], asset_openapi_yaml_end[];
extern char asset_openapi_json[], asset_openapi_json_end[];

static const struct asset {
	const char *path;
	const char *type;
	char *data;
	char *end;
} assets[] = {
    {"/", "text/html; charset=utf-8", asset_index_html, asset_index_html_end},
    {"/app.css", "text/css; charset=utf-8", asset_app_css, asset_app_css_end},
    {"/app.js", "text/javascript; charset=utf-8", asset_app_js, asset_app_js_end},
    {"/uplot.js", "text/javascript; charset=utf-8", asset_uplot_js, asset_uplot_js_end},
    {"/icon.svg", "image/svg+xml", asset_icon_svg, asset_icon_svg_end},
    {"/openapi.yaml", "application/yaml", asset_openapi_yaml, asset_openapi_yaml_end},
    {"/openapi.json", "application/json", asset_openapi_json, asset_openapi_json_end},
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

static struct MHD_Response *response_of(const struct asset *a, bool pack)
{
	const size_t n = (size_t)(a->end - a->data);
	struct dp_buf plain = {0};

	if (pack)
		return MHD_create_response_from_buffer(n, a->data, MHD_RESPMEM_PERSISTENT);
	gzip_unpack((struct dp_str){a->data, n}, &plain);
	return MHD_create_response_from_buffer(plain.len, plain.data, MHD_RESPMEM_MUST_FREE);
}

bool assets_answer(struct request *r, enum MHD_Result *result)
{
	const struct asset *a = find(r->path);
	struct answer_head head = {.is_public = true};
	struct MHD_Response *response;
	struct etag etag;
	bool pack;

	if (!a)
		return false;
	head.type = a->type;
	head.etag = &etag;
	etag_make(&etag, (struct dp_str){a->data, (size_t)(a->end - a->data)});
	if (answer_unchanged(r, &head, result))
		return true;
	pack = answer_takes_gzip(r);
	response = response_of(a, pack);
	*result = MHD_NO;
	if (response) {
		answer_add_head(response, &head, pack);
		*result = answer_queue(r, 200, &response);
	}
	return true;
}
