// SPDX-License-Identifier: GPL-3.0-or-later
// Invites, keys and roles as the handlers take them, and what a yes to "have you this" is worth.
#include "base/clock.h"
#include "coordinator/audit.h"
#include "coordinator/coordinator_private.h"
#include "coordinator/members.h"
#include "reception.h"

#include <pthread.h>
#include <stdatomic.h>

static const char album[] = "night";

static nb_ledger *open_ledger(const char *folder)
{
    nb_ledger *ledger = NULL;
    NB_SCOPED(nb_text_free) char *path = nb_file_join(folder, "ledger.sqlite");
    assert_ok(nb_ledger_open(path, &ledger, err));
    return ledger;
}

static void enrol(nb_ledger *ledger, const char *name, const char *where, unsigned roles)
{
    const nb_peer peer = desk_peer(name);
    nb_member member = {.roles = where[0] ? 0 : roles};
    snprintf(member.name, sizeof member.name, "%s", name);
    assert_ok(nb_ledger_put_member(ledger, &peer.key, &member, err));
    if (where[0]) {
        assert_ok(nb_ledger_set_roles(ledger, name, where, roles, err));
    }
}

// ada runs the farm and owns all, bea owns the album, art is an artist on it.
static void open_reception(desk *self, const char *folder)
{
    *self = (desk){0};
    nb_ledger *ledger = open_ledger(folder);
    assert_ok(nb_ledger_add_album(ledger, album, 5, err));
    enrol(ledger, "ada", "", NB_ROLE_OWNER | NB_ROLE_OPERATOR);
    enrol(ledger, "bea", album, NB_ROLE_OWNER);
    enrol(ledger, "art", album, NB_ROLE_ARTIST);
    enrol(ledger, "attic", "", NB_ROLE_RENDERER);
    nb_ledger_close(&ledger);
    desk_open(self, folder);
    desk_greet(self, "ada", false);
    desk_greet(self, "bea", false);
    desk_greet(self, "art", false);
}

/// A wish for an invite, and the throwaway key's first byte.
typedef struct wanted {
    const char *who; ///< Asks
    uint8_t key;
    const char *role; ///< Null for none
    const char *album;
    const char *name;
} wanted;

static nb_public_key guest_key(uint8_t first)
{
    uint8_t bytes[NB_KEY_SIZE] = {first};
    nb_public_key key;
    nb_public_key_from_bytes(bytes, &key);
    return key;
}

static const Nightbus__Reply *invite(desk *self, const wanted *what)
{
    uint8_t bytes[NB_KEY_SIZE] = {what->key};
    NB_SCOPED(nb_text_free) char *role = what->role ? strdup(what->role) : NULL;
    NB_SCOPED(nb_text_free) char *where = what->album ? strdup(what->album) : NULL;
    NB_SCOPED(nb_text_free) char *name = what->name ? strdup(what->name) : NULL;
    Nightbus__InviteMake body = NIGHTBUS__INVITE_MAKE__INIT;
    body.key = (ProtobufCBinaryData){.len = sizeof bytes, .data = bytes};
    body.n_roles = role ? 1 : 0;
    body.roles = &role;
    body.album = where;
    body.name = name;
    body.valid_ms = 3600000;
    const nb_peer peer = desk_peer(what->who);
    return desk_ask(self, &peer, NIGHTBUS__REQUEST__BODY_INVITE_MAKE, &body, 1000);
}

static const Nightbus__Reply *join(desk *self, uint8_t guest, uint8_t own, const char *name,
                                   bool renderer)
{
    uint8_t bytes[NB_KEY_SIZE] = {own, 1};
    NB_SCOPED(nb_text_free) char *copy = name ? strdup(name) : NULL;
    Nightbus__Join body = NIGHTBUS__JOIN__INIT;
    body.key = (ProtobufCBinaryData){.len = sizeof bytes, .data = bytes};
    body.name = copy;
    body.renderer = renderer;
    const nb_peer peer = {.routing_id = {9}, .routing_id_size = 1, .key = guest_key(guest)};
    return desk_ask(self, &peer, NIGHTBUS__REQUEST__BODY_JOIN, &body, 1000);
}

static void assert_done(const Nightbus__Reply *reply)
{
    assert_non_null(reply);
    if (reply->failure) {
        fail_msg("refused: %s", reply->failure->text);
    }
}

static void assert_refused(const Nightbus__Reply *reply, nb_status status, const char *words)
{
    assert_non_null(reply);
    assert_non_null(reply->failure);
    assert_contains(reply->failure->text, words);
    assert_int_equal(reply->failure->status, status);
}

// ---- Invites ----

static void nobody_invites_to_more_than_they_may_give(void **state)
{
    static const struct {
        wanted what;
        nb_status status;
        const char *words;
    } rows[] = {
        {{"art", 1, "artist", album, NULL}, NB_E_PERMISSION, "given by its owners"},
        {{"bea", 2, "artist", "*", NULL}, NB_E_PERMISSION, "role on album '*'"},
        {{"bea", 3, "operator", NULL, NULL}, NB_E_PERMISSION, "given by its operators"},
        {{"bea", 4, "renderer", NULL, NULL}, NB_E_PERMISSION, "given by its operators"},
        {{"bea", 5, "artist", NULL, NULL}, NB_E_INVALID, "on which album"},
        {{"bea", 6, "king", album, NULL}, NB_E_INVALID, "not a role"},
        {{"ada", 7, "renderer", album, NULL}, NB_E_INVALID, "roles of the farm"},
        {{"ada", 8, "artist", "nacht", NULL}, NB_E_NOT_FOUND, "no album"},
        // Whoever holds another's key is that other.
        {{"bea", 9, "artist", album, "ada"}, NB_E_PERMISSION, "somebody already"},
        {{"bea", 10, "artist", album, "ADA"}, NB_E_EXISTS, "taken"},
        {{"art", 11, NULL, NULL, "bea"}, NB_E_INVALID, "without roles"},
        {{"ada", 12, "renderer", NULL, "art"}, NB_E_EXISTS, "taken"},
    };
    desk here;
    open_reception(&here, *state);
    for (size_t i = 0; i < NB_COUNT(rows); i++) {
        assert_refused(invite(&here, &rows[i].what), rows[i].status, rows[i].words);
        assert_refused(join(&here, rows[i].what.key, 1, "eve", false), NB_E_PERMISSION,
                       "not known");
    }
    desk_close(&here);
}

static void an_invite_is_good_once_and_for_what_it_says(void **state)
{
    desk here;
    open_reception(&here, *state);
    const wanted artist = {"bea", 1, "artist", album, NULL};
    const Nightbus__Reply *made = invite(&here, &artist);
    assert_done(made);
    const uint64_t id = made->invited->invite;
    made = invite(&here, &artist); // a repeat gets the first answer
    assert_done(made);
    assert_int_equal(made->invited->invite, id);
    assert_refused(join(&here, 1, 1, NULL, false), NB_E_INVALID, "--name");
    assert_refused(join(&here, 1, 1, "Art", false), NB_E_EXISTS, "called 'art'");
    assert_refused(join(&here, 1, 1, "two\nlines", false), NB_E_INVALID, "name");
    assert_refused(join(&here, 1, 1, "mia", true), NB_E_INVALID, "not for a renderer");
    const Nightbus__Reply *joined = join(&here, 1, 1, "mia", false);
    assert_done(joined);
    assert_string_equal(joined->joined->name, "mia");
    assert_string_equal(joined->joined->album, album);
    assert_int_equal(joined->joined->n_roles, 1);
    assert_string_equal(joined->joined->roles[0], "artist");
    // The same again, and by another key: spent.
    assert_refused(join(&here, 1, 1, "mia", false), NB_E_PERMISSION, "used already");
    assert_refused(join(&here, 1, 2, "eve", false), NB_E_PERMISSION, "used already");
    const nb_public_key guest = guest_key(1);
    assert_false(nb_coordinator_knows_key(here.coordinator, &guest));
    desk_close(&here);
}

static void an_invite_is_worth_what_its_maker_may_still_give(void **state)
{
    desk here;
    open_reception(&here, *state);
    const wanted artist = {"bea", 1, "artist", album, NULL};
    assert_done(invite(&here, &artist));
    nb_ledger *ledger = open_ledger(*state);
    assert_ok(nb_ledger_set_roles(ledger, "bea", album, NB_ROLE_ARTIST, err));
    assert_refused(join(&here, 1, 1, "mia", false), NB_E_PERMISSION, "good no more");
    assert_ok(nb_ledger_set_roles(ledger, "bea", album, NB_ROLE_OWNER, err));
    assert_done(join(&here, 1, 1, "mia", false));
    nb_ledger_close(&ledger);
    desk_close(&here);
}

static void an_invite_does_not_outlive_its_makers_keys(void **state)
{
    desk here;
    open_reception(&here, *state);
    const wanted artist = {"bea", 1, "artist", album, NULL};
    assert_done(invite(&here, &artist));
    nb_ledger *ledger = open_ledger(*state);
    const nb_peer bea = desk_peer("bea");
    assert_ok(nb_ledger_revoke_key(ledger, &bea.key, 5, err));
    assert_refused(join(&here, 1, 1, "mia", false), NB_E_PERMISSION, "has no key here");
    nb_ledger_close(&ledger);
    desk_close(&here);
}

static void a_key_for_a_name_is_not_given_by_who_may_not_speak_for_it(void **state)
{
    desk here;
    open_reception(&here, *state);
    // The name is free when both are made: the second would be a key to whoever used the first.
    const wanted first = {"bea", 1, "artist", album, "mia"};
    const wanted second = {"bea", 2, "artist", album, "mia"};
    assert_done(invite(&here, &first));
    assert_done(invite(&here, &second));
    assert_done(join(&here, 1, 1, NULL, false));
    assert_refused(join(&here, 2, 2, NULL, false), NB_E_PERMISSION, "somebody already");
    desk_close(&here);
}

static const Nightbus__Reply *revoke(desk *self, const char *who, uint8_t own)
{
    const nb_peer peer = desk_peer(who);
    uint8_t bytes[NB_KEY_SIZE] = {own, 1};
    Nightbus__KeyChange body = NIGHTBUS__KEY_CHANGE__INIT;
    body.key = (ProtobufCBinaryData){.len = sizeof bytes, .data = bytes};
    body.has_revoke = 1;
    body.revoke = 1;
    return desk_ask(self, &peer, NIGHTBUS__REQUEST__BODY_KEY_CHANGE, &body, 1000);
}

static void whoever_stole_a_key_comes_back_by_no_invite(void **state)
{
    desk here;
    open_reception(&here, *state);
    const wanted others = {"ada", 1, "artist", album, NULL};
    const wanted laptop = {"bea", 2, NULL, NULL, "bea"};
    const wanted back = {"bea", 3, NULL, NULL, "bea"};
    assert_done(invite(&here, &others));
    assert_done(invite(&here, &laptop));
    assert_done(join(&here, 2, 2, NULL, false));
    assert_done(invite(&here, &back));
    assert_done(revoke(&here, "bea", 2));
    assert_refused(join(&here, 3, 3, NULL, false), NB_E_PERMISSION, "taken back");
    assert_done(join(&here, 1, 1, "mia", false)); // others' invites stay
    desk_close(&here);
}

static const Nightbus__Reply *take_role(desk *self, const char *whose, const char *role,
                                        const char *where)
{
    const nb_peer ada = desk_peer("ada");
    NB_SCOPED(nb_text_free) char *name = strdup(whose);
    NB_SCOPED(nb_text_free) char *taken = strdup(role);
    NB_SCOPED(nb_text_free) char *on = where ? strdup(where) : NULL;
    Nightbus__RoleChange body = NIGHTBUS__ROLE_CHANGE__INIT;
    body.name = name;
    body.album = on;
    body.n_remove = 1;
    body.remove = &taken;
    return desk_ask(self, &ada, NIGHTBUS__REQUEST__BODY_ROLE_CHANGE, &body, 1000);
}

static void what_only_one_has_is_not_taken_away(void **state)
{
    desk here;
    open_reception(&here, *state);
    assert_refused(take_role(&here, "ada", "operator", NULL), NB_E_CONFLICT, "last operator");
    assert_refused(take_role(&here, "ada", "owner", "*"), NB_E_CONFLICT, "last owner of all");
    assert_done(take_role(&here, "bea", "owner", album)); // ada owns all, so also this one
    nb_ledger *ledger = open_ledger(*state);
    assert_ok(nb_ledger_set_roles(ledger, "bea", "", NB_ROLE_OWNER, err));
    nb_ledger_close(&ledger);
    assert_refused(take_role(&here, "ada", "operator", NULL), NB_E_CONFLICT, "last operator");
    assert_done(take_role(&here, "ada", "owner", "*"));
    desk_close(&here);
}

static void a_second_key_is_the_same_person_and_outlives_the_first(void **state)
{
    desk here;
    open_reception(&here, *state);
    const wanted own = {"art", 1, NULL, NULL, "art"};
    assert_done(invite(&here, &own));
    assert_done(join(&here, 1, 1, NULL, false));
    nb_ledger *ledger = open_ledger(*state);
    nb_key_row *keys = NULL;
    size_t count = 0;
    assert_ok(nb_ledger_list_keys(ledger, "art", 0, 10, &keys, &count, err));
    assert_int_equal(count, 2);
    nb_member member;
    assert_ok(nb_ledger_revoke_key(ledger, &keys[0].key, 5, err));
    assert_fails(NB_E_PERMISSION, "was revoked",
                 nb_ledger_get_member(ledger, &keys[0].key, &member, err));
    assert_ok(nb_ledger_get_member(ledger, &keys[1].key, &member, err));
    assert_string_equal(member.name, "art");
    // What enrols keys at each start brings none back.
    assert_ok(nb_ledger_put_member(ledger, &keys[0].key, &member, err));
    assert_fails(NB_E_PERMISSION, "was revoked",
                 nb_ledger_get_member(ledger, &keys[0].key, &member, err));
    free(keys);
    nb_ledger_close(&ledger);
    desk_close(&here);
}

// ---- Renderers ----

static const Nightbus__Reply *hello_of_renderer(desk *self, uint8_t routing, uint8_t instance)
{
    char role[] = "renderer";
    char name[] = "attic";
    char text[sizeof desk_fingerprint];
    uint8_t bytes[NB_INSTANCE_SIZE] = {instance};
    memcpy(text, desk_fingerprint, sizeof text);
    Nightbus__Hello hello = NIGHTBUS__HELLO__INIT;
    hello.program = hello.version = hello.name = name;
    hello.role = role;
    hello.fingerprint = text;
    hello.has_instance = 1;
    hello.instance = (ProtobufCBinaryData){.len = sizeof bytes, .data = bytes};
    nb_peer peer = desk_peer("attic");
    peer.routing_id[0] = routing;
    return desk_ask(self, &peer, NIGHTBUS__REQUEST__BODY_HELLO, &hello, 1000);
}

static void two_processes_are_not_one_renderer(void **state)
{
    desk here;
    open_reception(&here, *state);
    assert_done(hello_of_renderer(&here, 1, 1));
    assert_done(hello_of_renderer(&here, 2, 1)); // its second connection
    assert_refused(hello_of_renderer(&here, 3, 2), NB_E_CONFLICT, "a name of its own");
    assert_done(hello_of_renderer(&here, 4, 1));
    desk_close(&here);
}

// ---- A yes is worth something ----

/// A collection that never rests, as one that takes all that nothing claims.
typedef struct collector {
    nb_blob_store *store;
    const char *folder;
    atomic_bool stop;
    atomic_uint rounds;
} collector;

static bool is_needed(void *context, const nb_digest *id)
{
    bool needed = true;
    return nb_ledger_is_needed(context, id, nb_clock_wall_ms(), &needed, NULL) != NB_OK || needed;
}

static void *collect(void *argument)
{
    collector *self = argument;
    nb_ledger *ledger = open_ledger(self->folder);
    while (!atomic_load(&self->stop)) {
        nb_collect_result result;
        assert_ok(nb_blob_store_collect(self->store, is_needed, ledger, 0, 1000, &result, err));
        atomic_fetch_add(&self->rounds, 1);
    }
    nb_ledger_close(&ledger);
    return NULL;
}

static void wait_for_rounds(collector *self, unsigned count)
{
    const unsigned until = atomic_load(&self->rounds) + count;
    while (atomic_load(&self->rounds) < until) {
        nb_clock_sleep_ms(1);
    }
}

static void collection_never_takes_what_a_push_was_told_is_there(void **state)
{
    enum { ROUNDS = 60 };
    desk here;
    open_reception(&here, *state);
    nb_ledger *ledger = open_ledger(*state);
    collector other = {.store = nb_coordinator_store(here.coordinator), .folder = *state};
    const nb_peer owner = desk_peer("bea");
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, collect, &other), 0);
    unsigned yes = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        char text[32];
        nb_digest digest;
        uint64_t size = 0;
        snprintf(text, sizeof text, "sound %u", i);
        // Of the album, but its pin ran out: collection may take it at any moment.
        digest = nb_digest_of(text, strlen(text));
        assert_ok(
            nb_ledger_pin_blob(ledger, album, &digest, strlen(text), nb_clock_wall_ms() - 1, err));
        assert_ok(nb_blob_store_put(other.store, text, strlen(text), &digest, err));
        const nb_status status = nb_coordinator_may_write(here.coordinator, &owner.key, album, 0,
                                                          &digest, strlen(text), NULL);
        assert_true(status == NB_OK || status == NB_E_EXISTS);
        if (status == NB_E_EXISTS) {
            yes++;
            wait_for_rounds(&other, 2);
            assert_true(nb_blob_store_has(other.store, &digest, &size));
        }
    }
    atomic_store(&other.stop, true);
    pthread_join(thread, NULL);
    assert_true(yes > 0);
    nb_ledger_close(&ledger);
    desk_close(&here);
}

// ---- The record ----

static void the_audit_log_has_each_deed_once_and_no_reading(void **state)
{
    desk here;
    open_reception(&here, *state);
    const nb_peer ada = desk_peer("ada");
    uint8_t id[NB_CLIENT_ID_SIZE] = {7};
    char name[] = "day";
    Nightbus__AlbumCreate create = NIGHTBUS__ALBUM_CREATE__INIT;
    create.album = name;
    create.client_id = (ProtobufCBinaryData){.len = sizeof id, .data = id};
    assert_done(desk_ask(&here, &ada, NIGHTBUS__REQUEST__BODY_ALBUM_CREATE, &create, 1000));
    assert_done(desk_ask(&here, &ada, NIGHTBUS__REQUEST__BODY_ALBUM_CREATE, &create, 1000));
    Nightbus__AlbumList list = NIGHTBUS__ALBUM_LIST__INIT;
    assert_done(desk_ask(&here, &ada, NIGHTBUS__REQUEST__BODY_ALBUM_LIST, &list, 1000));
    Nightbus__MetricsGet metrics = NIGHTBUS__METRICS_GET__INIT;
    assert_done(desk_ask(&here, &ada, NIGHTBUS__REQUEST__BODY_METRICS_GET, &metrics, 1000));
    char other[] = "dusk"; // another deed under the same number
    create.album = other;
    assert_done(desk_ask(&here, &ada, NIGHTBUS__REQUEST__BODY_ALBUM_CREATE, &create, 1000));
    const wanted artist = {"bea", 1, "artist", album, NULL};
    assert_done(invite(&here, &artist));
    const wanted refused = {"art", 2, "artist", album, NULL};
    assert_refused(invite(&here, &refused), NB_E_PERMISSION, "owner");
    nb_ledger *ledger = open_ledger(*state);
    const nb_audit_query all = {.album = "", .person = "", .limit = 10};
    nb_audit_row *rows = NULL;
    size_t count = 0;
    assert_ok(nb_ledger_list_audit(ledger, &all, &rows, &count, err));
    assert_int_equal(count, 3);
    assert_string_equal(rows[0].action, "InviteMake");
    assert_string_equal(rows[0].person, "bea");
    assert_string_equal(rows[0].album, album);
    assert_contains(rows[0].details, "roles=artist");
    assert_string_equal(rows[1].action, "AlbumCreate");
    assert_string_equal(rows[1].person, "ada");
    assert_string_equal(rows[1].album, "dusk");
    assert_string_equal(rows[2].album, "day");
    free(rows);
    // Entries leave by age alone.
    const int64_t day_ms = INT64_C(24) * 60 * 60 * 1000;
    assert_ok(nb_ledger_prune_audit(ledger, nb_clock_wall_ms() + 399 * day_ms, err));
    assert_ok(nb_ledger_list_audit(ledger, &all, &rows, &count, err));
    assert_int_equal(count, 3);
    free(rows);
    assert_ok(nb_ledger_prune_audit(ledger, nb_clock_wall_ms() + 401 * day_ms, err));
    assert_ok(nb_ledger_list_audit(ledger, &all, &rows, &count, err));
    assert_int_equal(count, 0);
    free(rows);
    nb_ledger_close(&ledger);
    desk_close(&here);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(nobody_invites_to_more_than_they_may_give),
        WITH_FOLDER(an_invite_is_good_once_and_for_what_it_says),
        WITH_FOLDER(an_invite_is_worth_what_its_maker_may_still_give),
        WITH_FOLDER(an_invite_does_not_outlive_its_makers_keys),
        WITH_FOLDER(a_key_for_a_name_is_not_given_by_who_may_not_speak_for_it),
        WITH_FOLDER(whoever_stole_a_key_comes_back_by_no_invite),
        WITH_FOLDER(what_only_one_has_is_not_taken_away),
        WITH_FOLDER(a_second_key_is_the_same_person_and_outlives_the_first),
        WITH_FOLDER(two_processes_are_not_one_renderer),
        WITH_FOLDER(collection_never_takes_what_a_push_was_told_is_there),
        WITH_FOLDER(the_audit_log_has_each_deed_once_and_no_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
