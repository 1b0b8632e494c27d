/*
 * Deflate by ISA-L (https://github.com/intel/isa-l) for Node, on libuv's thread pool: one block at a time, as
 * src/archive/isal-deflater.ts needs it. What has been deflated is inflated again and compared, all of it.
 */
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <node_api.h>
#include <stdlib.h>
#include <string.h>

/* What is inflated at a time, to be compared while it is in the processor's cache. */
#define CHECKED_BYTES 65536
/* ISA-L counts in 32 bits. */
#define MAX_BYTES 0x40000000

enum { BLOCK, OUTPUT, BUFFERS };

typedef struct {
  uint8_t *bytes;
  size_t length;
} Span;

/* One block: its buffers are JavaScript's, which `kept` keeps from the garbage collector until it is done. */
typedef struct {
  napi_async_work work;
  napi_deferred deferred;
  napi_ref kept;
  Span spans[BUFFERS];
  uint32_t crc;
  /* 0: there was not enough room. */
  uint32_t written;
  const char *fault;
} Job;

/* Raw deflate, ended on a byte boundary by a sync flush. */
static void deflate_block(Job *job) {
  const Span block = job->spans[BLOCK], output = job->spans[OUTPUT];
  struct isal_zstream *stream = malloc(sizeof *stream);
  uint8_t *tables = malloc(ISAL_DEF_LVL1_DEFAULT);
  if (stream == NULL || tables == NULL) {
    job->fault = "ISA-L has no memory to deflate a block";
  } else {
    isal_deflate_init(stream);
    stream->level = 1;
    stream->level_buf = tables;
    stream->level_buf_size = ISAL_DEF_LVL1_DEFAULT;
    stream->flush = SYNC_FLUSH;
    stream->next_in = block.bytes;
    stream->avail_in = (uint32_t)block.length;
    stream->next_out = output.bytes;
    stream->avail_out = (uint32_t)output.length;
    if (isal_deflate(stream) != COMP_OK)
      job->fault = "ISA-L refuses a block";
    /* Where room is left, all has been written, and the flush as well. */
    else if (stream->avail_in == 0 && stream->avail_out > 0)
      job->written = stream->total_out;
  }
  free(tables);
  free(stream);
}

/* Whether what was made of a block is that block. */
static void check_block(Job *job) {
  const Span block = job->spans[BLOCK];
  struct inflate_state *state = malloc(sizeof *state);
  uint8_t *inflated = malloc(CHECKED_BYTES);
  if (state == NULL || inflated == NULL) {
    job->fault = "ISA-L has no memory to check a block";
  } else {
    isal_inflate_init(state);
    state->next_in = job->spans[OUTPUT].bytes;
    state->avail_in = job->written;
    size_t at = 0, length = CHECKED_BYTES;
    while (length == CHECKED_BYTES && job->fault == NULL) {
      state->next_out = inflated;
      state->avail_out = CHECKED_BYTES;
      const int result = isal_inflate(state);
      length = CHECKED_BYTES - state->avail_out;
      if (result < 0 || length > block.length - at || memcmp(inflated, block.bytes + at, length) != 0)
        job->fault = "ISA-L made something else of a block";
      at += length;
    }
    if (job->fault == NULL && at != block.length) job->fault = "ISA-L made less of a block";
  }
  free(inflated);
  free(state);
}

/* On a thread of the pool. */
static void execute(napi_env env, void *data) {
  (void)env;
  Job *job = data;
  job->crc = crc32_gzip_refl(0, job->spans[BLOCK].bytes, job->spans[BLOCK].length);
  if (job->spans[OUTPUT].length == 0) return;
  deflate_block(job);
  if (job->fault == NULL && job->written > 0) check_block(job);
}

static napi_status set_number(napi_env env, napi_value object, const char *name, uint32_t number) {
  napi_value value;
  const napi_status status = napi_create_uint32(env, number, &value);
  return status == napi_ok ? napi_set_named_property(env, object, name, value) : status;
}

static void settle(napi_env env, const Job *job) {
  napi_value result, text;
  if (job->fault == NULL && napi_create_object(env, &result) == napi_ok &&
      set_number(env, result, "crc", job->crc) == napi_ok &&
      set_number(env, result, "bytes", job->written) == napi_ok) {
    napi_resolve_deferred(env, job->deferred, result);
    return;
  }
  const char *fault = job->fault == NULL ? "ISA-L was given up" : job->fault;
  if (napi_create_string_utf8(env, fault, NAPI_AUTO_LENGTH, &text) == napi_ok &&
      napi_create_error(env, NULL, text, &result) == napi_ok)
    napi_reject_deferred(env, job->deferred, result);
}

static void complete(napi_env env, napi_status status, void *data) {
  Job *job = data;
  if (status != napi_ok && job->fault == NULL) job->fault = "ISA-L was interrupted";
  settle(env, job);
  napi_delete_reference(env, job->kept);
  napi_delete_async_work(env, job->work);
  free(job);
}

/* Takes the two buffers, and keeps them. */
static napi_status take(napi_env env, napi_callback_info info, Job *job) {
  napi_value buffers[BUFFERS], list;
  size_t count = BUFFERS;
  napi_status status = napi_get_cb_info(env, info, &count, buffers, NULL, NULL);
  if (status == napi_ok) status = napi_create_array_with_length(env, BUFFERS, &list);
  for (size_t i = 0; i < BUFFERS && status == napi_ok; i += 1) {
    Span *span = &job->spans[i];
    status = napi_get_buffer_info(env, buffers[i], (void **)&span->bytes, &span->length);
    if (status == napi_ok && span->length > MAX_BYTES) status = napi_invalid_arg;
    if (status == napi_ok) status = napi_set_element(env, list, (uint32_t)i, buffers[i]);
  }
  if (status == napi_ok) status = napi_create_reference(env, list, 1, &job->kept);
  return status;
}

/*
 * deflate(block, output): a promise of { crc, bytes }, the block's CRC-32 and how much of the output was
 * written; 0: the output has not enough room. An empty output asks for the sum alone.
 */
static napi_value deflate(napi_env env, napi_callback_info info) {
  napi_value name, promise = NULL;
  Job *job = calloc(1, sizeof *job);
  if (job == NULL || take(env, info, job) != napi_ok ||
      napi_create_string_utf8(env, "deflate", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_async_work(env, NULL, name, execute, complete, job, &job->work) != napi_ok ||
      napi_create_promise(env, &job->deferred, &promise) != napi_ok ||
      napi_queue_async_work(env, job->work) != napi_ok) {
    if (job != NULL && job->kept != NULL) napi_delete_reference(env, job->kept);
    if (job != NULL && job->work != NULL) napi_delete_async_work(env, job->work);
    free(job);
    napi_throw_type_error(env, NULL, "deflate takes two buffers: block and output");
    return NULL;
  }
  return promise;
}

NAPI_MODULE_INIT() {
  napi_value function;
  if (napi_create_function(env, "deflate", NAPI_AUTO_LENGTH, deflate, NULL, &function) != napi_ok ||
      napi_set_named_property(env, exports, "deflate", function) != napi_ok)
    napi_throw_error(env, NULL, "the addon cannot be set up");
  return exports;
}
