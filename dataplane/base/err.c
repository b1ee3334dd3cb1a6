// SPDX-License-Identifier: MIT
/*
 * err.c - what went wrong, from err.def
 */
#include "dataplane/base/err.h"

static const struct {
	enum err_class class;
	const char *sentence;
} table[] = {
	{ ERR_CLASS_NONE, "no error" },
#define ERR(name, class, sentence) { ERR_CLASS_##class, sentence },
#include "dataplane/base/err.def"
#undef ERR
};

enum err_class err_class(enum err e)
{
	return table[e].class;
}

const char *err_sentence(enum err e)
{
	return table[e].sentence;
}
