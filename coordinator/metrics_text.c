// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/metrics_text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

void nb_metric_begin(nb_text *out, const char *name, nb_metric_type type, const char *help)
{
    nb_text_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
                 type == NB_METRIC_COUNTER ? "counter" : "gauge");
}

static void add_label(nb_text *out, const char *label, const char *value)
{
    nb_text_addf(out, "%s=\"", label);
    for (const char *c = value; *c; c++) {
        if (*c == '\n') {
            nb_text_add(out, "\\n");
        } else {
            nb_text_add(out, (*c == '"' || *c == '\\') ? "\\" : "");
            nb_text_add_bytes(out, c, 1);
        }
    }
    nb_text_add(out, "\"");
}

static void add_value(nb_text *out, double value)
{
    const double whole = 9007199254740992.0; // up to here a double holds each integer
    if (isnan(value)) {
        nb_text_add(out, " NaN\n");
    } else if (isinf(value)) {
        nb_text_add(out, value > 0 ? " +Inf\n" : " -Inf\n");
    } else if (value == floor(value) && fabs(value) <= whole) {
        nb_text_addf(out, " %" PRId64 "\n", (int64_t)value);
    } else {
        nb_text_addf(out, " %.9g\n", value);
    }
}

void nb_metric_add(nb_text *out, const char *name, const char *label, const char *label_value,
                   const char *label2, const char *label2_value, double value)
{
    nb_text_add(out, name);
    if (label) {
        nb_text_add(out, "{");
        add_label(out, label, label_value);
        if (label2) {
            nb_text_add(out, ",");
            add_label(out, label2, label2_value);
        }
        nb_text_add(out, "}");
    }
    add_value(out, value);
}
