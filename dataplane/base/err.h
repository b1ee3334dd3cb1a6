// SPDX-License-Identifier: MIT
/*
 * err.h - what went wrong, from err.def
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err {
	OK = 0,
#define ERR(name, class, sentence) ERR_##name,
#include "dataplane/base/err.def"
#undef ERR
};

enum err_class { ERR_CLASS_NONE, ERR_CLASS_PEER, ERR_CLASS_LOCAL };

enum err_class err_class(enum err e);
const char *err_sentence(enum err e);

#endif
