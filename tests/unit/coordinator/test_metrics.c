// SPDX-License-Identifier: GPL-3.0-or-later
// What is said to Prometheus, read back by the rules of its text format (version 0.0.4).
#include "coordinator/coordinator.h"
#include "coordinator/metrics.h"
#include "coordinator/metrics_text.h"
#include "scratch.h"

#include <ctype.h>
#include <math.h>

enum { NAMES_MAX = 100, SAMPLES_MAX = 1000 };

/// What was read so far.
typedef struct reader {
    size_t name_count, sample_count;
    char names[NAMES_MAX][100]; ///< Metrics, each told once
    char types[NAMES_MAX][20];
    char samples[SAMPLES_MAX][200]; ///< "name{labels}", each told once
    double values[SAMPLES_MAX];
} reader;

static const char *read_name(const char *at, char *out, size_t size)
{
    size_t length = 0;
    assert_true(isalpha((unsigned char)*at) || *at == '_');
    while (isalnum((unsigned char)at[length]) || at[length] == '_') {
        length++;
    }
    assert_true(length < size);
    memcpy(out, at, length);
    out[length] = '\0';
    return at + length;
}

static void read_comment(reader *self, const char *line)
{
    char name[100];
    const bool is_help = strncmp(line, "# HELP ", 7) == 0;
    assert_true(is_help || strncmp(line, "# TYPE ", 7) == 0);
    const char *rest = read_name(line + 7, name, sizeof name);
    assert_int_equal(*rest, ' ');
    if (is_help) {
        for (size_t i = 0; i < self->name_count; i++) {
            assert_string_not_equal(self->names[i], name); // all of a metric stands together
        }
        assert_true(self->name_count < NAMES_MAX && strlen(rest) > 10);
        memcpy(self->names[self->name_count++], name, sizeof name);
        return;
    }
    assert_string_equal(self->names[self->name_count - 1], name);
    assert_true(strcmp(rest + 1, "counter") == 0 || strcmp(rest + 1, "gauge") == 0);
    snprintf(self->types[self->name_count - 1], 20, "%s", rest + 1);
    const size_t length = strlen(name);
    const bool total = length > 6 && strcmp(name + length - 6, "_total") == 0;
    assert_int_equal(total, strcmp(rest + 1, "counter") == 0); // as Prometheus asks for
}

static const char *read_labels(const char *at)
{
    char name[100];
    do {
        at = read_name(at + 1, name, sizeof name);
        assert_int_equal(at[0], '=');
        assert_int_equal(at[1], '"');
        for (at += 2; *at != '"'; at++) {
            assert_true(*at != '\0');
            if (*at == '\\') {
                at++;
                assert_true(*at == '\\' || *at == '"' || *at == 'n');
            }
        }
        at++;
    } while (*at == ',');
    assert_int_equal(*at, '}');
    return at + 1;
}

static void read_sample(reader *self, const char *line)
{
    char name[100];
    const char *at = read_name(line, name, sizeof name);
    assert_true(self->name_count > 0);
    assert_string_equal(name, self->names[self->name_count - 1]);
    assert_true(self->types[self->name_count - 1][0] != '\0');
    at = (*at == '{') ? read_labels(at) : at;
    assert_int_equal(*at, ' ');
    char *end = NULL;
    self->values[self->sample_count] = strtod(at + 1, &end);
    assert_true(end > at + 1 && *end == '\0');
    char *series = self->samples[self->sample_count];
    snprintf(series, 200, "%.*s", (int)(at - line), line);
    for (size_t i = 0; i < self->sample_count; i++) {
        assert_string_not_equal(self->samples[i], series);
    }
    self->sample_count++;
}

static void read_all(reader *self, const char *text)
{
    memset(self, 0, sizeof *self);
    assert_true(text[0] != '\0' && text[strlen(text) - 1] == '\n');
    NB_SCOPED(nb_text_free) char *copy = strdup(text);
    for (char *line = strtok(copy, "\n"); line; line = strtok(NULL, "\n")) {
        if (line[0] == '#') {
            read_comment(self, line);
        } else {
            read_sample(self, line);
        }
    }
}

static double value_of(const reader *self, const char *series)
{
    for (size_t i = 0; i < self->sample_count; i++) {
        if (strcmp(self->samples[i], series) == 0) {
            return self->values[i];
        }
    }
    fail_msg("no %s", series);
    return NAN;
}

static void all_metrics_are_ones_that_prometheus_reads(void **state)
{
    const nb_coordinator_options options = {.data_path = *state, .incarnation = 1};
    nb_coordinator *coordinator = NULL;
    static reader read;
    assert_ok(nb_coordinator_open(&options, 1000, &coordinator, err));
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    assert_ok(nb_metrics_format(coordinator, &text, err));
    read_all(&read, text.chars);
    assert_true(value_of(&read, "nightbus_tasks{state=\"waiting\"}") == 0);
    assert_true(value_of(&read, "nightbus_jobs{state=\"open\"}") == 0);
    assert_true(value_of(&read, "nightbus_attempts_ended_total{end=\"expired\"}") == 0);
    assert_true(value_of(&read, "nightbus_store_free_bytes") > 0);
    // docs/operations.md explains each.
    NB_SCOPED(nb_text_free) char *page = NULL;
    size_t size = 0;
    assert_ok(nb_file_read(NB_SOURCE_DIR "/docs/operations.md", 1 << 20, &page, &size, err));
    for (size_t i = 0; i < read.name_count; i++) {
        if (!strstr(page, read.names[i])) {
            fail_msg("docs/operations.md says nothing of %s", read.names[i]);
        }
    }
    NB_SCOPED(nb_text_free) char *path = nb_file_join(*state, "nightbus.prom");
    NB_SCOPED(nb_text_free) char *written = NULL;
    assert_ok(nb_coordinator_write_metrics(coordinator, path, err));
    assert_ok(nb_file_read(path, 1 << 20, &written, &size, err));
    read_all(&read, written);
    nb_coordinator_destroy(&coordinator);
}

static void any_name_of_a_renderer_is_a_label(void **state)
{
    (void)state;
    static reader read;
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_metric_begin(&text, "x_total", NB_METRIC_COUNTER, "Something to count.");
    nb_metric_add(&text, "x_total", "node", "a \"b\" \\ c\nd {e}, f", "end", "done", 1e15 + 1);
    nb_metric_add(&text, "x_total", "node", "", NULL, NULL, 0.1);
    nb_metric_add(&text, "x_total", NULL, NULL, NULL, NULL, INFINITY);
    read_all(&read, text.chars);
    assert_string_equal(read.samples[0],
                        "x_total{node=\"a \\\"b\\\" \\\\ c\\nd {e}, f\",end=\"done\"}");
    assert_true(read.values[0] == 1e15 + 1);
    assert_true(fabs(read.values[1] - 0.1) < 1e-12);
    assert_true(isinf(read.values[2]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_metrics_are_ones_that_prometheus_reads, scratch_make,
                                        scratch_remove),
        cmocka_unit_test(any_name_of_a_renderer_is_a_label),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
