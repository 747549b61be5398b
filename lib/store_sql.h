/* The SQL that makes the schema and writes to it: in the files of lib/sql, one statement or one
 * step of migration a file, compiled in. Whatever else writes to the same database (the SDK's
 * database logging) takes it from there. Private to lib/store*.c. */
#ifndef DP_STORE_SQL_H
#define DP_STORE_SQL_H

/* Defines the array NAME, local to the file: the text of lib/sql/FILE. gcc 12 has no #embed. */
#define DP_SQL(NAME, FILE)                                                    \
	__asm__(".section .rodata\n" #NAME ": .incbin \"lib/sql/" FILE "\"\n" \
		".byte 0\n.previous\n");                                      \
	extern const char(NAME)[]

#endif
