// SPDX-License-Identifier: GPL-3.0-or-later
/// @file metrics_text.h  Prometheus's text format, version 0.0.4.

#ifndef NB_COORDINATOR_METRICS_TEXT_H
#define NB_COORDINATOR_METRICS_TEXT_H
#include "base/text.h"

typedef enum nb_metric_type { NB_METRIC_COUNTER, NB_METRIC_GAUGE } nb_metric_type;

/// Begin a metric: its help and type. All its samples follow before the next one begins.
void nb_metric_begin(nb_text *out, const char *name, nb_metric_type type, const char *help);

/// One sample of it, with up to two labels (null for none); their values may be any text.
void nb_metric_add(nb_text *out, const char *name, const char *label, const char *label_value,
                   const char *label2, const char *label2_value, double value);

#endif // NB_COORDINATOR_METRICS_TEXT_H
