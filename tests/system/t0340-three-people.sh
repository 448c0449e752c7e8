#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Three people with three keys and three folders carry a song from v1 to m1, as docs/review.md tells it;
# the page is what the commands print today, and a plain git clone has everything that was said.
. "$(dirname "$0")/lib.sh"
command -v sox >/dev/null || skip "sox is not installed"

step "the story, from v1 over a print to m1"
"$SOURCE/docs/review-story" "$WORK/story" >"$WORK/review.md" 2>"$WORK/story.err" || {
    cat "$WORK/review.md" "$WORK/story.err" >&2
    fail "the story broke off"
}
ok "each command did as the page says"

step "docs/review.md is what was printed"
# Word by word: digests, revisions and sizes are this run's, and "1 min ago" moves columns and breaks.
same() {
    sed -E -e 's/[0-9a-f]{8,}/DIGEST/g' -e 's/[0-9.]+ [kM]?B\b/SIZE/g' \
        -e 's/^( *[^ ]+ +[^ ]+).*….*/\1/' "$1" | tr -s '[:space:]' '\n'
}
diff <(same "$SOURCE/docs/review.md") <(same "$WORK/review.md") ||
    fail "docs/review.md is not true any more: docs/review-story >docs/review.md"
ok "word for word"

step "a plain clone has everything that was said"
album=$WORK/story/studio/nightbus/albums/night-service.git
GIT_LFS_SKIP_SMUDGE=1 git clone -q "$album" clone
git -C clone tag >tags
expect_words tags neon-rain/v1 neon-rain/v2 neon-rain/v3 neon-rain/m1
git -C clone log --all -p --format=%an%n%B >everything
expect_words everything "Voice up a touch here" "The snare bites" "More tail on the very end?" \
    "Fade it. And then it is done!" "So close. Three notes." "That is the record." \
    "Voice up, snare softer" "A little air, a little louder" "Ada Desk" "Mia Song" "Tom Room"
git -C clone show "$(git -C clone ls-remote -q "$album" refs/notes/review | cut -f1)" --stat >/dev/null
ok "tags, words, names and decisions"

step "what was approved is what was delivered"
print=$(sha256sum "$WORK/story/ada/night-7.wav" | cut -d' ' -f1)
grep -qF "$print" everything || fail "the approval does not name the print's bytes"
cmp "$WORK/story/tom/night-master.wav" \
    "$WORK/story/ada/delivery/night-service-masters/neon-rain-m1.wav" || fail "the master was changed"
cmp "$WORK/story/ada/night-7.wav" \
    "$WORK/story/tom/neon-rain-v3-for-mastering/neon-rain-v3.wav" || fail "the print was changed"
ok "to the bit"

step "three keys, three people"
keys=$(sha256sum "$WORK"/story/{ada,mia,tom}/.config/nightbus/key | cut -d' ' -f1 | sort -u | wc -l)
[ "$keys" -eq 3 ] || fail "they share keys"
ok "each has a key of their own"
