/* airssys.c - the canonical ABI of airssys:core/runtime-host@1.0.0, and a small C library.
 *
 * What crosses the boundary, as the component model's "Canonical ABI" has it:
 *   - up to 16 flat parameters are passed one by one, more of them as one pointer: a
 *     component-message has 23 and comes as a pointer to a structure that the host wrote with
 *     cabi_realloc, a component-config has 9 and comes flat;
 *   - a result of more than one flat value goes through memory: for an import, the caller passes
 *     where to; for an export, the callee returns where it is, and is told by `cabi_post_…` when
 *     the host has read it;
 *   - in memory a result, an option and a variant begin with one byte that says the case, and the
 *     payload follows at the alignment of the widest case;
 *   - an empty list may point anywhere: it is never freed.
 *
 * Only what is called is linked, so that only what is called is imported.
 */
#include "airssys.h"

#define IMPORT(interface, function)                                                                \
    __attribute__((import_module("airssys:core/" interface "@1.0.0"), import_name(function)))
#define LIFECYCLE "airssys:core/component-lifecycle@1.0.0#"
#define EXPORT(name) __attribute__((export_name(name)))
#define OPTIONAL __attribute__((weak))

/* The layouts that the host reads and writes. */
_Static_assert(sizeof(airssys_string) == 8, "string");
_Static_assert(sizeof(airssys_id) == 24, "component-id");
_Static_assert(sizeof(airssys_time) == 16, "timestamp");
_Static_assert(sizeof(airssys_optional_string) == 12, "option<string>");
_Static_assert(sizeof(airssys_pair) == 16, "tuple<string, string>");
_Static_assert(sizeof(airssys_component_info) == 48, "component-info");
_Static_assert(sizeof(airssys_storage_usage_info) == 24, "storage-usage");
_Static_assert(offsetof(airssys_message, payload) == 24, "component-message");
_Static_assert(offsetof(airssys_message, metadata.correlation_id) == 32, "component-message");
_Static_assert(offsetof(airssys_message, metadata.reply_to) == 44, "component-message");
_Static_assert(offsetof(airssys_message, metadata.timestamp) == 72, "component-message");
_Static_assert(offsetof(airssys_message, metadata.content_type) == 88, "component-message");
_Static_assert(sizeof(airssys_message) == 104, "component-message");

/* A variant whose cases carry a string, a component-id or nothing. */
typedef struct {
    uint8_t kind;
    airssys_string text;
} text_variant;

typedef struct {
    uint8_t kind;
    union {
        airssys_string text;
        airssys_id id;
    };
} messaging_variant;

/* ---- Giving back ---------------------------------------------------------------------------- */

static void release(const void *data, size_t length) {
    if (length) free((void *)data);
}

void airssys_string_free(airssys_string *text) {
    release(text->data, text->length);
    *text = (airssys_string){0};
}

void airssys_bytes_free(airssys_bytes *bytes) {
    release(bytes->data, bytes->length);
    *bytes = (airssys_bytes){0};
}

void airssys_strings_free(airssys_strings *texts) {
    for (size_t i = 0; i < texts->length; i++) release(texts->data[i].data, texts->data[i].length);
    release(texts->data, texts->length);
    *texts = (airssys_strings){0};
}

void airssys_id_free(airssys_id *id) {
    airssys_string_free(&id->space);
    airssys_string_free(&id->name);
    airssys_string_free(&id->instance);
}

void airssys_ids_free(airssys_ids *ids) {
    for (size_t i = 0; i < ids->length; i++) airssys_id_free((airssys_id *)&ids->data[i]);
    release(ids->data, ids->length);
    *ids = (airssys_ids){0};
}

void airssys_component_info_free(airssys_component_info *info) {
    airssys_id_free(&info->id);
    airssys_string_free(&info->name);
    airssys_string_free(&info->version);
    airssys_string_free(&info->health);
}

void airssys_error_free(airssys_error *error) { airssys_string_free(&error->text); }

/* ---- Small conveniences ---------------------------------------------------------------------- */

airssys_string airssys_str(const char *text) {
    return (airssys_string){text, text ? strlen(text) : 0};
}

airssys_id airssys_named(const char *name) { return (airssys_id){.name = airssys_str(name)}; }

bool airssys_equal(airssys_string text, const char *other) {
    return text.length == strlen(other) && memcmp(text.data, other, text.length) == 0;
}

bool airssys_is(airssys_bytes bytes, const char *text) {
    return airssys_equal((airssys_string){(const char *)bytes.data, bytes.length}, text);
}

airssys_bytes airssys_text(const char *text) {
    return (airssys_bytes){(const uint8_t *)text, strlen(text)};
}

airssys_bytes airssys_decimal(uint64_t number) {
    static uint8_t digits[20];
    size_t at = sizeof digits;
    do digits[--at] = (uint8_t)('0' + number % 10);
    while (number /= 10);
    return (airssys_bytes){digits + at, sizeof digits - at};
}

uint64_t airssys_number(airssys_bytes digits) {
    uint64_t number = 0;
    for (size_t i = 0; i < digits.length && digits.data[i] >= '0' && digits.data[i] <= '9'; i++)
        number = number * 10 + (digits.data[i] - '0');
    return number;
}

/* ---- Results of this component --------------------------------------------------------------- */

static airssys_bytes copy(const void *data, size_t length) {
    if (!length) return (airssys_bytes){0};
    uint8_t *block = malloc(length);
    if (!block) __builtin_trap(); /* the memory limit: the host sees a refused growth before it */
    memcpy(block, data, length);
    return (airssys_bytes){block, length};
}

airssys_result airssys_ok(void) { return (airssys_result){0}; }

airssys_result airssys_ok_bytes(const void *data, size_t length) {
    return (airssys_result){.has_value = true, .value = copy(data, length)};
}

airssys_result airssys_ok_joined(const airssys_bytes *parts, size_t count) {
    size_t length = 0;
    for (size_t i = 0; i < count; i++) length += parts[i].length;
    airssys_result result = {.has_value = true};
    if (!length) return result;
    uint8_t *block = malloc(length);
    if (!block) __builtin_trap();
    result.value = (airssys_bytes){block, length};
    for (size_t i = 0; i < count; i++) {
        memcpy(block, parts[i].data, parts[i].length);
        block += parts[i].length;
    }
    return result;
}

airssys_result airssys_fail_text(int error, airssys_string text) {
    return (airssys_result){true, error, true, copy(text.data, text.length)};
}

airssys_result airssys_fail(int error, const char *text) {
    return airssys_fail_text(error, airssys_str(text));
}

enum { REFUSED = -1 }; /* what `airssys_outcome` says: the error of the export that returns it */

airssys_result airssys_outcome(bool done, airssys_error *error) {
    if (done) return airssys_ok();
    airssys_string text = error->text.length ? error->text : airssys_str("refused: over a quota or rate");
    airssys_result result = airssys_fail_text(REFUSED, text);
    airssys_error_free(error);
    return result;
}

/* ---- Exports --------------------------------------------------------------------------------- */

OPTIONAL airssys_result airssys_on_initialize(const airssys_config *config) {
    (void)config;
    return airssys_ok();
}

OPTIONAL airssys_result airssys_on_callback(const airssys_message *message) {
    (void)message;
    return airssys_ok();
}

OPTIONAL airssys_health airssys_on_health(void) { return AIRSSYS_HEALTHY; }

OPTIONAL airssys_result airssys_on_shutdown(void) { return airssys_ok(); }

OPTIONAL airssys_description airssys_describe(void) { return (airssys_description){0}; }

/* result<option<list<u8>>, E> and result<_, E>, where the cases of E carry a string or nothing.
 * One of each is enough: a component runs one call at a time, and the host has read it before the
 * next. */
static struct {
    uint8_t failed;
    union {
        text_variant error;
        struct {
            uint8_t present;
            airssys_bytes value;
        } reply;
    };
} answer;

_Static_assert(sizeof answer == 16, "result<option<list<u8>>, wasm-error>");

/* `own` is the case of what `airssys_outcome` failed with. */
static void *lower(airssys_result result, bool may_reply, int own) {
    airssys_bytes value = result.value;
    memset(&answer, 0, sizeof answer);
    answer.failed = result.failed;
    if (result.failed) {
        answer.error.kind = (uint8_t)(result.error == REFUSED ? own : result.error);
        answer.error.text = (airssys_string){(const char *)value.data, value.length};
    } else if (may_reply && result.has_value) {
        answer.reply.present = 1;
        answer.reply.value = value;
    } else {
        airssys_bytes_free(&value);
    }
    return &answer;
}

static void free_answer(void) { /* both sides keep their text and their bytes at the same place */
    airssys_bytes_free(&answer.reply.value);
}

static void free_message(airssys_message *message) {
    airssys_id_free(&message->sender);
    airssys_bytes_free(&message->payload);
    if (message->metadata.correlation_id.present)
        airssys_string_free(&message->metadata.correlation_id.value);
    if (message->metadata.reply_to.present) airssys_id_free(&message->metadata.reply_to.value);
    if (message->metadata.content_type.present)
        airssys_string_free(&message->metadata.content_type.value);
    free(message);
}

EXPORT(LIFECYCLE "initialize")
void *airssys__initialize(airssys_pair *env, size_t env_length, int32_t has_data,
                          const uint8_t *data, size_t data_length, uint64_t max_memory_bytes,
                          uint64_t max_execution_time_ms, int32_t has_fuel, uint64_t max_fuel) {
    airssys_config config = {.env_vars = {env, env_length},
                             .limits = {max_memory_bytes, max_execution_time_ms, {0}}};
    if (has_data) config.config_data = (airssys_optional_bytes){true, {data, data_length}};
    if (has_fuel) config.limits.max_fuel = (airssys_optional_u64){true, max_fuel};
    airssys_result result = airssys_on_initialize(&config);
    for (size_t i = 0; i < env_length; i++) {
        airssys_string_free(&env[i].key);
        airssys_string_free(&env[i].value);
    }
    release(env, env_length);
    if (has_data) release(data, data_length);
    return lower(result, false, AIRSSYS_COMPONENT_INITIALIZATION_FAILED);
}

EXPORT(LIFECYCLE "handle-message") void *airssys__handle_message(airssys_message *message) {
    airssys_result result = airssys_on_message(message);
    free_message(message);
    return lower(result, true, AIRSSYS_WASM_RUNTIME_ERROR);
}

EXPORT(LIFECYCLE "handle-callback") void *airssys__handle_callback(airssys_message *message) {
    airssys_result result = airssys_on_callback(message);
    free_message(message);
    return lower(result, false, AIRSSYS_WASM_RUNTIME_ERROR);
}

EXPORT(LIFECYCLE "shutdown") void *airssys__shutdown(void) {
    return lower(airssys_on_shutdown(), false, AIRSSYS_COMPONENT_SHUTDOWN_FAILED);
}

EXPORT(LIFECYCLE "health") int32_t airssys__health(void) { return (int32_t)airssys_on_health(); }

static struct {
    airssys_string name, version, description, author, license;
    airssys_strings supported_operations;
    uint8_t stateful;
} metadata;

_Static_assert(sizeof metadata == 52, "component-metadata");

EXPORT(LIFECYCLE "metadata") void *airssys__metadata(void) {
    airssys_description about = airssys_describe();
    metadata.name = airssys_str(about.name);
    metadata.version = airssys_str(about.version);
    metadata.description = airssys_str(about.description);
    metadata.author = airssys_str(about.author);
    metadata.license = airssys_str(about.license);
    metadata.stateful = about.stateful;
    size_t count = 0;
    if (about.supported_operations)
        while (about.supported_operations[count]) count++;
    airssys_string *operations = count ? malloc(count * sizeof *operations) : NULL;
    if (count && !operations) __builtin_trap();
    for (size_t i = 0; i < count; i++) operations[i] = airssys_str(about.supported_operations[i]);
    metadata.supported_operations = (airssys_strings){operations, count};
    return &metadata;
}

EXPORT("cabi_post_" LIFECYCLE "initialize") void airssys__post_initialize(void *result) {
    (void)result;
    free_answer();
}

EXPORT("cabi_post_" LIFECYCLE "handle-message") void airssys__post_message(void *result) {
    (void)result;
    free_answer();
}

EXPORT("cabi_post_" LIFECYCLE "handle-callback") void airssys__post_callback(void *result) {
    (void)result;
    free_answer();
}

EXPORT("cabi_post_" LIFECYCLE "shutdown") void airssys__post_shutdown(void *result) {
    (void)result;
    free_answer();
}

EXPORT("cabi_post_" LIFECYCLE "metadata") void airssys__post_metadata(void *result) {
    (void)result;
    release(metadata.supported_operations.data, metadata.supported_operations.length);
}

/* How the host gets memory for what it passes in. Nothing may be imported from inside it. */
EXPORT("cabi_realloc")
void *airssys__realloc(void *block, size_t old_size, size_t align, size_t size) {
    (void)old_size;
    if (!size) return (void *)align;
    void *moved = realloc(block, size);
    if (!moved) __builtin_trap();
    return moved;
}

/* ---- Errors of the host ---------------------------------------------------------------------- */

static bool failed_with_text(text_variant *from, bool has_text, airssys_error *error) {
    airssys_string text = has_text ? from->text : (airssys_string){0};
    if (error)
        *error = (airssys_error){from->kind, text};
    else
        airssys_string_free(&text);
    return false;
}

static bool failed_storage(text_variant *from, airssys_error *error) {
    return failed_with_text(from, from->kind != AIRSSYS_STORAGE_QUOTA_EXCEEDED, error);
}

static bool failed_messaging(messaging_variant *from, airssys_error *error) {
    airssys_error found = {from->kind, {0}};
    if (from->kind == AIRSSYS_MESSAGING_TARGET_NOT_FOUND) {
        airssys_string parts[] = {from->id.space, from->id.name, from->id.instance};
        char *joined = malloc(parts[0].length + parts[1].length + parts[2].length + 2),
             *end = joined;
        if (!joined) __builtin_trap();
        for (int i = 0; i < 3; i++) {
            if (i) *end++ = '/';
            memcpy(end, parts[i].data, parts[i].length);
            end += parts[i].length;
        }
        found.text = (airssys_string){joined, (size_t)(end - joined)};
        airssys_id_free(&from->id);
    } else if (from->kind != AIRSSYS_MESSAGING_QUEUE_FULL) {
        found.text = from->text;
    }
    if (error)
        *error = found;
    else
        airssys_error_free(&found);
    return false;
}

/* ---- host-messaging -------------------------------------------------------------------------- */

#define ID const char *, size_t, const char *, size_t, const char *, size_t
#define PASS_ID(id)                                                                                \
    id.space.data, id.space.length, id.name.data, id.name.length, id.instance.data,                \
        id.instance.length

typedef struct {
    uint8_t failed;
    union {
        messaging_variant error;
        airssys_string correlation_id;
    };
} messaging_result;

_Static_assert(sizeof(messaging_result) == 32, "result<_, messaging-error>");

IMPORT("host-messaging", "send")
void airssys__send(ID, const void *, size_t, messaging_result *);
IMPORT("host-messaging", "request")
void airssys__request(ID, const void *, size_t, uint64_t, messaging_result *);
IMPORT("host-messaging", "cancel-request")
void airssys__cancel_request(const char *, size_t, messaging_result *);
IMPORT("host-messaging", "broadcast")
void airssys__broadcast(const airssys_id *, size_t, const void *, size_t, messaging_result *);
IMPORT("host-messaging", "self-id") void airssys__self_id(airssys_id *);

bool airssys_send(airssys_id target, const void *payload, size_t length, airssys_error *error) {
    messaging_result result;
    airssys__send(PASS_ID(target), payload, length, &result);
    return result.failed ? failed_messaging(&result.error, error) : true;
}

bool airssys_request(airssys_id target, const void *payload, size_t length, uint64_t timeout_ms,
                     airssys_string *correlation_id, airssys_error *error) {
    messaging_result result;
    airssys__request(PASS_ID(target), payload, length, timeout_ms, &result);
    if (result.failed) return failed_messaging(&result.error, error);
    if (correlation_id) *correlation_id = result.correlation_id;
    else airssys_string_free(&result.correlation_id);
    return true;
}

bool airssys_cancel_request(airssys_string correlation_id, airssys_error *error) {
    messaging_result result;
    airssys__cancel_request(correlation_id.data, correlation_id.length, &result);
    return result.failed ? failed_messaging(&result.error, error) : true;
}

bool airssys_broadcast(const airssys_id *targets, size_t count, const void *payload, size_t length,
                       airssys_error *error) {
    messaging_result result;
    airssys__broadcast(targets, count, payload, length, &result);
    return result.failed ? failed_messaging(&result.error, error) : true;
}

airssys_id airssys_self_id(void) {
    airssys_id id;
    airssys__self_id(&id);
    return id;
}

/* ---- host-services --------------------------------------------------------------------------- */

typedef struct {
    uint8_t failed;
    union {
        text_variant error;
        airssys_component_info info;
    };
} info_result;

_Static_assert(sizeof(info_result) == 52, "result<component-info, component-error>");

IMPORT("host-services", "log")
void airssys__log(int32_t, const char *, size_t, int32_t, const airssys_pair *, size_t);
IMPORT("host-services", "current-time") void airssys__current_time(airssys_time *);
IMPORT("host-services", "current-time-millis") uint64_t airssys__current_time_millis(void);
IMPORT("host-services", "sleep-millis") void airssys__sleep_millis(uint64_t);
IMPORT("host-services", "list-components") void airssys__list_components(airssys_ids *);
IMPORT("host-services", "get-component-metadata")
void airssys__get_component_metadata(ID, info_result *);

void airssys_log(airssys_log_level level, const char *message) {
    airssys_log_with(level, airssys_str(message), NULL, 0);
}

void airssys_log_with(airssys_log_level level, airssys_string message, const airssys_pair *context,
                      size_t count) {
    airssys__log((int32_t)level, message.data, message.length, count > 0, context, count);
}

airssys_time airssys_current_time(void) {
    airssys_time now;
    airssys__current_time(&now);
    return now;
}

uint64_t airssys_current_time_millis(void) { return airssys__current_time_millis(); }

void airssys_sleep_millis(uint64_t duration_ms) { airssys__sleep_millis(duration_ms); }

airssys_ids airssys_list_components(void) {
    airssys_ids ids;
    airssys__list_components(&ids);
    return ids;
}

bool airssys_get_component_metadata(airssys_id id, airssys_component_info *info,
                                    airssys_error *error) {
    info_result result;
    airssys__get_component_metadata(PASS_ID(id), &result);
    if (result.failed) {
        bool has_text = result.error.kind != AIRSSYS_COMPONENT_ALREADY_INITIALIZED &&
                        result.error.kind != AIRSSYS_COMPONENT_NOT_INITIALIZED;
        return failed_with_text(&result.error, has_text, error);
    }
    *info = result.info;
    return true;
}

/* ---- storage --------------------------------------------------------------------------------- */

typedef struct {
    uint8_t failed;
    union {
        text_variant error;
        airssys_optional_bytes value;
        bool exists;
        airssys_strings keys;
    };
} storage_result;

typedef struct {
    uint8_t failed;
    union {
        text_variant error;
        airssys_storage_usage_info usage;
    };
} usage_result;

_Static_assert(sizeof(storage_result) == 16, "result<option<storage-value>, storage-error>");
_Static_assert(sizeof(usage_result) == 32, "result<storage-usage, storage-error>");

IMPORT("storage", "get") void airssys__storage_get(const char *, size_t, storage_result *);
IMPORT("storage", "set")
void airssys__storage_set(const char *, size_t, const void *, size_t, storage_result *);
IMPORT("storage", "delete") void airssys__storage_delete(const char *, size_t, storage_result *);
IMPORT("storage", "exists") void airssys__storage_exists(const char *, size_t, storage_result *);
IMPORT("storage", "list-keys")
void airssys__storage_list_keys(int32_t, const char *, size_t, storage_result *);
IMPORT("storage", "usage") void airssys__storage_usage(usage_result *);

bool airssys_storage_get(airssys_string key, airssys_optional_bytes *value, airssys_error *error) {
    storage_result result;
    airssys__storage_get(key.data, key.length, &result);
    if (result.failed) return failed_storage(&result.error, error);
    *value = result.value.present ? result.value : (airssys_optional_bytes){0};
    return true;
}

bool airssys_storage_set(airssys_string key, const void *value, size_t length,
                         airssys_error *error) {
    storage_result result;
    airssys__storage_set(key.data, key.length, value, length, &result);
    return result.failed ? failed_storage(&result.error, error) : true;
}

bool airssys_storage_delete(airssys_string key, airssys_error *error) {
    storage_result result;
    airssys__storage_delete(key.data, key.length, &result);
    return result.failed ? failed_storage(&result.error, error) : true;
}

bool airssys_storage_exists(airssys_string key, bool *exists, airssys_error *error) {
    storage_result result;
    airssys__storage_exists(key.data, key.length, &result);
    if (result.failed) return failed_storage(&result.error, error);
    *exists = result.exists;
    return true;
}

bool airssys_storage_list_keys(const airssys_string *prefix, airssys_strings *keys,
                               airssys_error *error) {
    storage_result result;
    airssys__storage_list_keys(prefix != NULL, prefix ? prefix->data : NULL,
                               prefix ? prefix->length : 0, &result);
    if (result.failed) return failed_storage(&result.error, error);
    *keys = result.keys;
    return true;
}

bool airssys_storage_usage(airssys_storage_usage_info *usage, airssys_error *error) {
    usage_result result;
    airssys__storage_usage(&result);
    if (result.failed) return failed_storage(&result.error, error);
    *usage = result.usage;
    return true;
}

/* ---- The C library --------------------------------------------------------------------------- */

/* Blocks of 16, 32, 64, … bytes, each size with its list of free ones, cut from the end of the
 * memory, which grows by the page. Constant time; a block keeps its size for ever, so a component
 * that needs the same sizes again and again does not fragment. */
typedef struct block {
    size_t order; /* the block has 1 << order bytes, this header included */
    struct block *next_free;
} block;

_Static_assert(sizeof(block) == 8, "what malloc returns is aligned to 8");

#define SMALLEST 4
#define PAGE 65536u

extern uint8_t __heap_base; /* placed by the linker behind the data and the stack */
static block *free_blocks[32];
static uintptr_t end_of_heap;

static block *fresh_block(size_t order) {
    uintptr_t start = end_of_heap ? end_of_heap : ((uintptr_t)&__heap_base + 7) & ~(uintptr_t)7;
    uint64_t end = (uint64_t)start + ((uint64_t)1 << order);
    uint64_t pages = __builtin_wasm_memory_size(0), wanted = (end + PAGE - 1) / PAGE;
    if (wanted > 65535) return NULL; /* the last page would end at 4 GiB, which wraps to zero */
    if (wanted > pages && __builtin_wasm_memory_grow(0, (size_t)(wanted - pages)) == (size_t)-1)
        return NULL;
    end_of_heap = (uintptr_t)end;
    return (block *)start;
}

void *malloc(size_t size) {
    if (size > 0x7ffffff7u) return NULL;
    size_t whole = size + sizeof(block);
    size_t order = whole <= 1u << SMALLEST ? SMALLEST : 32 - (size_t)__builtin_clz(whole - 1);
    block *found = free_blocks[order];
    if (found)
        free_blocks[order] = found->next_free;
    else if (!(found = fresh_block(order)))
        return NULL;
    found->order = order;
    return found + 1;
}

void free(void *pointer) {
    if (!pointer) return;
    block *freed = (block *)pointer - 1;
    freed->next_free = free_blocks[freed->order];
    free_blocks[freed->order] = freed;
}

void *calloc(size_t count, size_t size) {
    uint64_t whole = (uint64_t)count * size;
    void *pointer = whole > 0x7ffffff7u ? NULL : malloc((size_t)whole);
    return pointer ? memset(pointer, 0, (size_t)whole) : NULL;
}

void *realloc(void *pointer, size_t size) {
    if (!pointer) return malloc(size);
    size_t room = ((size_t)1 << ((block *)pointer - 1)->order) - sizeof(block);
    if (size <= room) return pointer;
    void *moved = malloc(size);
    if (!moved) return NULL;
    memcpy(moved, pointer, room);
    free(pointer);
    return moved;
}

/* With bulk memory, which the build asks for, each of these three is one instruction. */
void *memcpy(void *to, const void *from, size_t size) {
#ifdef __wasm_bulk_memory__
    return __builtin_memcpy(to, from, size);
#else
    uint8_t *out = to;
    const uint8_t *in = from;
    while (size--) *out++ = *in++;
    return to;
#endif
}

void *memmove(void *to, const void *from, size_t size) {
#ifdef __wasm_bulk_memory__
    return __builtin_memmove(to, from, size);
#else
    uint8_t *out = to;
    const uint8_t *in = from;
    if (out <= in) return memcpy(to, from, size);
    while (size--) out[size] = in[size];
    return to;
#endif
}

void *memset(void *to, int byte, size_t size) {
#ifdef __wasm_bulk_memory__
    return __builtin_memset(to, byte, size);
#else
    for (uint8_t *out = to; size--;) *out++ = (uint8_t)byte;
    return to;
#endif
}

int memcmp(const void *left, const void *right, size_t size) {
    const uint8_t *a = left, *b = right;
    for (; size--; a++, b++)
        if (*a != *b) return *a - *b;
    return 0;
}

size_t strlen(const char *text) {
    size_t length = 0;
    while (text[length]) length++;
    return length;
}
