// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio/audio_file.h"
#include "audio/container.h"
#include "audio/pcm_reader.h"
#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <sndfile.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SKIP_FRAMES = 4096,   ///< Decoded at a time where samples are only counted or skipped
    PLANAR_SAMPLES = 4096 ///< Decoded at a time where channels are then told apart
};

// +60 dBFS. No microphone or mix gets there; a file read in the wrong format does.
static const float level_max = 1000.0F;

struct nb_audio_file {
    int fd;
    char *name;
    SNDFILE *decoder;    ///< Null where samples are plain: then `plain` reads them
    nb_pcm_reader plain; ///< Its format is NB_PCM_OTHER where a decoder is needed
    nb_audio_info info;
    int64_t position;   ///< Of the frame that is read next
    bool seeks_exactly; ///< Otherwise it decodes up to the frame
};

// libsndfile keeps its last opening error in one variable for all threads.
static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;

static const char *major_name(const nb_container *container, int format)
{
    switch (container->kind) {
    case NB_CONTAINER_WAV:
        return "WAV";
    case NB_CONTAINER_RF64:
        return "RF64";
    case NB_CONTAINER_W64:
        return "Wave64";
    case NB_CONTAINER_AIFF:
        return "AIFF";
    case NB_CONTAINER_CAF:
        return "CAF";
    case NB_CONTAINER_OGG:
        return "Ogg";
    default: // an ID3 tag may stand before either
        return ((format & SF_FORMAT_TYPEMASK) == SF_FORMAT_FLAC) ? "FLAC" : "MP3";
    }
}

static const char *sample_name(int format)
{
    switch (format & SF_FORMAT_SUBMASK) {
    case SF_FORMAT_PCM_S8:
    case SF_FORMAT_PCM_U8:
        return "8 bit PCM";
    case SF_FORMAT_PCM_16:
        return "16 bit PCM";
    case SF_FORMAT_PCM_24:
        return "24 bit PCM";
    case SF_FORMAT_PCM_32:
        return "32 bit PCM";
    case SF_FORMAT_FLOAT:
        return "32 bit float";
    case SF_FORMAT_DOUBLE:
        return "64 bit float";
    case SF_FORMAT_ULAW:
        return "mu-law";
    case SF_FORMAT_ALAW:
        return "A-law";
    case SF_FORMAT_VORBIS:
        return "Vorbis";
    case SF_FORMAT_OPUS:
        return "Opus";
    case SF_FORMAT_MPEG_LAYER_I:
        return "layer I";
    case SF_FORMAT_MPEG_LAYER_II:
        return "layer II";
    case SF_FORMAT_MPEG_LAYER_III:
        return "layer III";
    default:
        return "coded";
    }
}

/// Coded samples depend on those before them, so decoders find a frame only roughly or change its
/// samples. FLAC's frames stand alone, and it finds them by their number.
static bool seeks_exactly(const nb_container *container, int format)
{
    const int major = format & SF_FORMAT_TYPEMASK;
    return container->bytes_per_frame > 0 || major == SF_FORMAT_FLAC;
}

static nb_status open_decoder(nb_audio_file *self, SF_INFO *facts, nb_error *err)
{
    if (lseek(self->fd, 0, SEEK_SET) != 0) {
        return nb_fail_errno(err, errno, "%s", self->name);
    }
    *facts = (SF_INFO){0};
    pthread_mutex_lock(&open_lock);
    self->decoder = sf_open_fd(self->fd, SFM_READ, facts, SF_FALSE);
    const int problem = sf_error(NULL);
    pthread_mutex_unlock(&open_lock);
    self->position = 0;
    if (self->decoder) {
        return NB_OK;
    }
    if (problem == SF_ERR_UNRECOGNISED_FORMAT) {
        return nb_fail(err, NB_E_INVALID, "%s: is not an audio file that libsndfile knows",
                       self->name);
    }
    return nb_fail(err, NB_E_CORRUPT, "%s: damaged header: %s", self->name,
                   sf_error_number(problem));
}

static void close_decoder(nb_audio_file *self)
{
    if (self->decoder) {
        sf_close(self->decoder);
        self->decoder = NULL;
    }
}

static void time_of(const nb_audio_file *self, int64_t frame, char out[NB_TEXT_TIME_SIZE])
{
    nb_text_format_time((double)frame / (double)self->info.rate_hz, out);
}

static nb_status fail_short(const nb_audio_file *self, nb_error *err)
{
    char end[NB_TEXT_TIME_SIZE];
    char expected[NB_TEXT_TIME_SIZE];
    time_of(self, self->position, end);
    time_of(self, self->info.frames, expected);
    return nb_fail(err, NB_E_CORRUPT,
                   "%s: cut or damaged: header says %s, nothing can be decoded behind %s: copy or "
                   "export it again",
                   self->name, expected, end);
}

/// Decode `frames` frames or to the end, whichever is first, and forget them.
static nb_status skip(nb_audio_file *self, int64_t frames, nb_error *err)
{
    float *scratch = malloc(sizeof *scratch * SKIP_FRAMES * self->info.channels);
    if (!scratch) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory to decode it", self->name);
    }
    while (frames > 0) {
        const sf_count_t wanted = (frames < SKIP_FRAMES) ? frames : SKIP_FRAMES;
        const sf_count_t got = sf_readf_float(self->decoder, scratch, wanted);
        if (got <= 0) {
            break;
        }
        self->position += got;
        frames -= got;
    }
    free(scratch);
    return NB_OK;
}

static nb_status rewind_decoder(nb_audio_file *self, nb_error *err)
{
    SF_INFO facts;
    close_decoder(self);
    return open_decoder(self, &facts, err);
}

/// A FLAC stream written to a pipe has no length: count it.
static nb_status count_frames(nb_audio_file *self, nb_error *err)
{
    const int64_t most = (int64_t)NB_AUDIO_SECONDS_MAX * self->info.rate_hz;
    self->seeks_exactly = false; // the decoder would bisect towards an end it doesn't know
    nb_status status = skip(self, most + 1, err);
    self->info.frames = self->position;
    if (status == NB_OK) {
        snprintf(self->info.warning, sizeof self->info.warning,
                 "its header has no length: it was decoded to find its end");
        status = rewind_decoder(self, err);
    }
    return status;
}

/// A cut FLAC shows at its last frame, before hours of rendering.
static nb_status check_last_frame(nb_audio_file *self, nb_error *err)
{
    float frame[NB_AUDIO_CHANNELS_MAX];
    const bool is_there =
        sf_seek(self->decoder, self->info.frames - 1, SEEK_SET) == self->info.frames - 1 &&
        sf_readf_float(self->decoder, frame, 1) == 1;
    if (!is_there) {
        char expected[NB_TEXT_TIME_SIZE];
        time_of(self, self->info.frames, expected);
        return nb_fail(err, NB_E_CORRUPT,
                       "%s: cut or damaged: header says %s, the end of that can't be decoded: copy "
                       "or export it again",
                       self->name, expected);
    }
    return rewind_decoder(self, err); // seeking has put it at odds before
}

static nb_status check_length(nb_audio_file *self, const nb_container *container, int format,
                              nb_error *err)
{
    const bool is_flac = (format & SF_FORMAT_TYPEMASK) == SF_FORMAT_FLAC;
    nb_status status = NB_OK;
    const bool is_counted = is_flac && self->info.frames == SF_COUNT_MAX;
    if (is_counted) {
        status = count_frames(self, err);
    }
    if (status != NB_OK) {
        return status;
    }
    if (self->info.frames <= 0) {
        return nb_fail(err, NB_E_CORRUPT, "%s: empty or unfinished recording: export it again",
                       self->name);
    }
    if (self->info.frames > (int64_t)NB_AUDIO_SECONDS_MAX * self->info.rate_hz) {
        return nb_fail(err, NB_E_LIMIT,
                       "%s: its header says over 24 hours: split it, if it is true", self->name);
    }
    if (container->frames >= 0 && self->info.frames != container->frames) {
        return nb_fail(err, NB_E_CORRUPT,
                       "%s: its header can be read as %lld or %lld frames: export it again",
                       self->name, (long long)container->frames, (long long)self->info.frames);
    }
    return (is_flac && !is_counted) ? check_last_frame(self, err) : NB_OK;
}

/// What libsndfile calls samples of that format.
static int subformat_of(nb_pcm_format format)
{
    switch (format) {
    case NB_PCM_S16LE:
    case NB_PCM_S16BE:
        return SF_FORMAT_PCM_16;
    case NB_PCM_S24LE:
    case NB_PCM_S24BE:
        return SF_FORMAT_PCM_24;
    case NB_PCM_S32LE:
    case NB_PCM_S32BE:
        return SF_FORMAT_PCM_32;
    case NB_PCM_F32LE:
    case NB_PCM_F32BE:
        return SF_FORMAT_FLOAT;
    case NB_PCM_OTHER:
    default:
        return 0;
    }
}

static bool is_whole(int format)
{
    switch (format & SF_FORMAT_SUBMASK) {
    case SF_FORMAT_PCM_S8:
    case SF_FORMAT_PCM_U8:
    case SF_FORMAT_PCM_16:
    case SF_FORMAT_PCM_24:
    case SF_FORMAT_PCM_32:
        return true;
    default:
        return false;
    }
}

/// Where both readings of the header agree on what stands in the file, no decoder is needed: ours
/// takes an eighth of the time.
static void choose_plain(nb_audio_file *self, const nb_container *container, int format)
{
    const bool agreed = container->samples != NB_PCM_OTHER && container->start == 0 &&
                        container->data_offset > 0 && container->channels == self->info.channels &&
                        container->frames == self->info.frames &&
                        (format & SF_FORMAT_SUBMASK) == subformat_of(container->samples);
    if (agreed) {
        self->plain = (nb_pcm_reader){self->fd, container->samples, container->channels,
                                      container->frames, container->data_offset};
        close_decoder(self);
    }
}

static nb_status open_checked(nb_audio_file *self, nb_error *err)
{
    nb_container container;
    nb_status status = nb_container_inspect(self->fd, self->name, &container, err);
    if (status != NB_OK) {
        return status;
    }
    if (container.kind == NB_CONTAINER_UNKNOWN) {
        return nb_fail(err, NB_E_INVALID, "%s: is not an audio file that libsndfile knows",
                       self->name);
    }
    SF_INFO facts = {0};
    status = open_decoder(self, &facts, err);
    if (status == NB_OK) {
        status = nb_container_check_facts(self->name, facts.samplerate,
                                          (unsigned)(facts.channels > 0 ? facts.channels : 0), err);
    }
    if (status != NB_OK) {
        return status;
    }
    self->info.rate_hz = (unsigned)facts.samplerate;
    self->info.channels = (unsigned)facts.channels;
    self->info.frames = facts.frames;
    snprintf(self->info.format, sizeof self->info.format, "%s, %s",
             major_name(&container, facts.format), sample_name(facts.format));
    memcpy(self->info.warning, container.warning, sizeof self->info.warning);
    self->info.is_whole = is_whole(facts.format);
    self->seeks_exactly = seeks_exactly(&container, facts.format);
    status = check_length(self, &container, facts.format, err);
    if (status == NB_OK) {
        choose_plain(self, &container, facts.format);
    }
    return status;
}

nb_status nb_audio_file_open(const char *path, const char *name, nb_audio_file **out_file,
                             nb_error *err)
{
    *out_file = NULL;
    name = name ? name : path;
    NB_SCOPED(nb_audio_file_destroy) nb_audio_file *self = calloc(1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory to open it", name);
    }
    self->name = strdup(name);
    // Not to wait for the other end, should it be a pipe.
    self->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (!self->name || self->fd < 0) {
        return nb_fail_errno(err, errno, "%s", name);
    }
    const nb_status status = open_checked(self, err);
    if (status == NB_OK) {
        *out_file = self;
        self = NULL;
    }
    return status;
}

void nb_audio_file_destroy(nb_audio_file **self_p)
{
    nb_audio_file *self = *self_p;
    if (self) {
        close_decoder(self);
        nb_pcm_reader_fini(&self->plain);
        nb_file_close_fd(&self->fd);
        free(self->name);
        free(self);
        *self_p = NULL;
    }
}

const nb_audio_info *nb_audio_file_info(const nb_audio_file *self) { return &self->info; }

const char *nb_audio_file_name(const nb_audio_file *self) { return self->name; }

nb_status nb_audio_file_seek(nb_audio_file *self, int64_t frame, nb_error *err)
{
    if (frame < 0 || frame > self->info.frames) {
        return nb_fail(err, NB_E_INVALID, "%s: frame %lld is outside its %lld", self->name,
                       (long long)frame, (long long)self->info.frames);
    }
    if (frame == self->position || !self->decoder) {
        self->position = frame;
        return NB_OK;
    }
    if (self->seeks_exactly) {
        if (sf_seek(self->decoder, frame, SEEK_SET) != frame) {
            return nb_fail(err, NB_E_CORRUPT, "%s: damaged: frame %lld can't be found: %s",
                           self->name, (long long)frame, sf_strerror(self->decoder));
        }
        self->position = frame;
        return NB_OK;
    }
    nb_status status = (frame < self->position) ? rewind_decoder(self, err) : NB_OK;
    if (status == NB_OK) {
        status = skip(self, frame - self->position, err);
    }
    if (status == NB_OK && self->position != frame) {
        status = fail_short(self, err);
    }
    return status;
}

static nb_status fail_sample(const nb_audio_file *self, float sample, int64_t frame,
                             unsigned channel, nb_error *err)
{
    char time[NB_TEXT_TIME_SIZE];
    char what[48];
    time_of(self, frame, time);
    if (isnan(sample)) {
        snprintf(what, sizeof what, "not a number");
    } else if (isinf(sample)) {
        snprintf(what, sizeof what, "infinite");
    } else {
        snprintf(what, sizeof what, "at %+.0f dBFS", 20.0 * log10(fabs((double)sample)));
    }
    return nb_fail(err, NB_E_INVALID,
                   "%s: the sample at %s (channel %u, frame %lld) is %s: export the file again",
                   self->name, time, channel + 1, (long long)frame, what);
}

/// Infinities and NaNs stand above all other floats in the order of their bits.
static bool is_sound(const float *samples, size_t count)
{
    uint32_t highest = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &samples[i], sizeof bits);
        bits &= 0x7fffffffU; // without its sign
        highest = (bits > highest) ? bits : highest;
    }
    float level;
    memcpy(&level, &highest, sizeof level);
    return level <= level_max;
}

/// The first bad sample of a channel, `count` if there is none.
static size_t find_bad(const float *samples, size_t stride, size_t count)
{
    size_t first = 0;
    while (first < count && fabsf(samples[first * stride]) <= level_max) {
        first++;
    }
    return first;
}

/// Check frames from self->position on; samples of a channel stand `stride` apart.
static nb_status check_samples(const nb_audio_file *self, const float *const *channels,
                               size_t stride, size_t frames, nb_error *err)
{
    size_t first = frames;
    unsigned channel = 0;
    for (unsigned c = 0; c < self->info.channels; c++) {
        const size_t bad = find_bad(channels[c], stride, first); // of several, the earliest
        channel = (bad < first) ? c : channel;
        first = bad;
    }
    if (first == frames) {
        return NB_OK;
    }
    return fail_sample(self, channels[channel][first * stride], self->position + (int64_t)first,
                       channel, err);
}

static nb_status check_interleaved(const nb_audio_file *self, const float *samples, size_t frames,
                                   nb_error *err)
{
    if (self->info.is_whole || is_sound(samples, frames * self->info.channels)) {
        return NB_OK;
    }
    const float *channels[NB_AUDIO_CHANNELS_MAX];
    for (unsigned c = 0; c < self->info.channels; c++) {
        channels[c] = samples + c;
    }
    return check_samples(self, channels, self->info.channels, frames, err);
}

static nb_status check_planar(const nb_audio_file *self, float *const *samples, size_t frames,
                              nb_error *err)
{
    bool sound = true;
    for (unsigned c = 0; c < self->info.channels && !self->info.is_whole; c++) {
        sound = sound && is_sound(samples[c], frames);
    }
    return sound ? NB_OK : check_samples(self, (const float *const *)samples, 1, frames, err);
}

/// `got` frames were read, and they are `status`.
static nb_status advance(nb_audio_file *self, nb_status status, size_t got, size_t wanted,
                         nb_error *err)
{
    self->position += (int64_t)got;
    return (status == NB_OK && got != wanted) ? fail_short(self, err) : status;
}

nb_status nb_audio_file_read(nb_audio_file *self, float *out, size_t frames, nb_error *err)
{
    size_t got = 0;
    nb_status status = NB_OK;
    if (self->decoder) {
        const sf_count_t decoded = sf_readf_float(self->decoder, out, (sf_count_t)frames);
        got = (decoded > 0) ? (size_t)decoded : 0;
    } else {
        status = nb_pcm_reader_read_interleaved(&self->plain, self->name, self->position, frames,
                                                out, &got, err);
    }
    if (status == NB_OK) {
        status = check_interleaved(self, out, got, err);
    }
    return advance(self, status, got, frames, err);
}

static nb_status decode_planar(nb_audio_file *self, float *const *out, size_t frames, nb_error *err)
{
    float samples[PLANAR_SAMPLES];
    float *to[NB_AUDIO_CHANNELS_MAX];
    const unsigned channels = self->info.channels;
    const size_t block = PLANAR_SAMPLES / channels;
    nb_status status = NB_OK;
    for (size_t done = 0; status == NB_OK && done < frames; done += block) {
        const size_t part = (frames - done < block) ? frames - done : block;
        status = nb_audio_file_read(self, samples, part, err);
        for (unsigned c = 0; c < channels; c++) {
            to[c] = out[c] + done;
        }
        if (status == NB_OK) {
            nb_pcm_read(NB_PCM_F32LE, (const unsigned char *)samples, channels, part, to);
        }
    }
    return status;
}

nb_status nb_audio_file_read_planar(nb_audio_file *self, float *const *out, size_t frames,
                                    nb_error *err)
{
    if (self->decoder) {
        return decode_planar(self, out, frames, err);
    }
    size_t got = 0;
    nb_status status =
        nb_pcm_reader_read(&self->plain, self->name, self->position, frames, out, &got, err);
    if (status == NB_OK) {
        status = check_planar(self, out, got, err);
    }
    return advance(self, status, got, frames, err);
}

nb_status nb_audio_file_probe(const char *path, const char *name, nb_audio_info *out, nb_error *err)
{
    *out = (nb_audio_info){0};
    NB_SCOPED(nb_audio_file_destroy) nb_audio_file *file = NULL;
    const nb_status status = nb_audio_file_open(path, name, &file, err);
    if (file) {
        *out = file->info;
    }
    return status;
}
