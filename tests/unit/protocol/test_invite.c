// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/invite.h"

#include "base/text.h"
#include "tests/test.h"

static nb_invite make(const char *control, const char *role)
{
    nb_invite invite = {0};
    nb_key_pair server;
    assert_ok(nb_key_pair_make(&server, err));
    assert_ok(nb_key_pair_make(&invite.guest, err));
    invite.server = server.public_key;
    snprintf(invite.control, sizeof invite.control, "%s", control);
    snprintf(invite.role, sizeof invite.role, "%s", role);
    return invite;
}

static void a_link_reads_back_as_what_was_written(void **state)
{
    (void)state;
    static const char *const places[] = {"tcp://127.0.0.1:5570", "tcp://studio.local:1",
                                         "tcp://[fe80::1%eth0]:65535"};
    for (size_t i = 0; i < NB_COUNT(places); i++) {
        const nb_invite invite = make(places[i], "artist");
        NB_SCOPED(nb_text_free) char *link = nb_invite_format(&invite);
        NB_SCOPED(nb_text_free) char *pasted = nb_text_format(" \t%s\n", link);
        nb_invite read;
        assert_non_null(link);
        assert_ok(nb_invite_parse(pasted, &read, err));
        assert_string_equal(read.control, invite.control);
        assert_string_equal(read.role, "artist");
        assert_string_equal(read.server.text, invite.server.text);
        assert_string_equal(read.guest.public_key.text, invite.guest.public_key.text);
        assert_string_equal(read.guest.secret_text, invite.guest.secret_text);
    }
}

static void a_damaged_link_is_refused_without_telling_its_secret(void **state)
{
    (void)state;
    const nb_invite invite = make("tcp://studio:5570", "artist");
    NB_SCOPED(nb_text_free) char *link = nb_invite_format(&invite);
    assert_non_null(link);
    const size_t length = strlen(link);
    const char *secret = strrchr(link, '/') - 64;
    // Cut at every byte: all but the last cuts, which are shorter roles.
    for (size_t cut = 0; cut < length - strlen("artist") + 1; cut++) {
        NB_SCOPED(nb_text_free) char *part = nb_text_format("%.*s", (int)cut, link);
        nb_invite read;
        nb_error err = {0};
        assert_int_equal(nb_invite_parse(part, &read, &err), NB_E_INVALID);
        NB_SCOPED(nb_text_free) char *tail = nb_text_format("%.16s", secret);
        assert_null(strstr(err.text, tail));
        assert_int_equal(read.guest.secret_text[0], '\0');
    }
}

static void what_could_mean_something_elsewhere_is_no_address(void **state)
{
    (void)state;
    const nb_invite invite = make("tcp://studio:5570", "artist");
    NB_SCOPED(nb_text_free) char *link = nb_invite_format(&invite);
    const char *rest = strchr(link + strlen("nightbus://"), '/');
    static const char *const places[] = {
        "studio;127.0.0.1:5570", "stu\033dio:5570", "*:5570", "studio:0",
        "studio:65536",          "studio",          ":5570",  "a b:1"};
    for (size_t i = 0; i < NB_COUNT(places); i++) {
        NB_SCOPED(nb_text_free) char *bad = nb_text_format("nightbus://%s%s", places[i], rest);
        nb_invite read;
        assert_fails(NB_E_INVALID, "invite", nb_invite_parse(bad, &read, err));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_reads_back_as_what_was_written),
        cmocka_unit_test(a_damaged_link_is_refused_without_telling_its_secret),
        cmocka_unit_test(what_could_mean_something_elsewhere_is_no_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
