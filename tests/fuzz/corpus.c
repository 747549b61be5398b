/* Gives files to a fuzz target, which fails by ending the program: NAME_corpus FILE... Speaks TAP.
 * The place of libFuzzer where the corpus is a test, or a finding is looked at. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int __attribute__((weak)) LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The block is as large as the file, so that the sanitizer guards its end. */
static void give(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data;
	long size;

	assert(f && fseek(f, 0, SEEK_END) == 0);
	size = ftell(f);
	assert(size >= 0);
	data = malloc((size_t)size);
	rewind(f);
	assert(fread(data, 1, (size_t)size, f) == (size_t)size);
	fclose(f);
	assert(LLVMFuzzerTestOneInput(data, (size_t)size) == 0);
	free(data);
}

int main(int argc, char **argv)
{
	assert(argc > 1);
	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++) {
		give(argv[i]);
		printf("ok - %s\n", argv[i]);
		fflush(stdout);
	}
	return 0;
}
