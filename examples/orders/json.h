/* json.h - reads one flat JSON object strictly, and writes one.
 *
 * A member is a string, an integer, true, false or null; anything nested is checked and skipped.
 * Accepts RFC 8259 and nothing else: no trailing comma, no leading zero, no text behind the
 * object, no bytes that are not UTF-8. Reads only inside its bytes, recurses at most JSON_DEPTH
 * deep, and allocates nothing.
 */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_DEPTH 32
#define JSON_TEXT 64 /* bytes of the longest name or string that is kept, its zero included */

typedef enum {
    JSON_STRING,
    JSON_INTEGER,
    JSON_OTHER_NUMBER,
    JSON_BOOL,
    JSON_NULL,
    JSON_NESTED
} json_kind;

typedef struct {
    json_kind kind;
    int64_t integer;      /* of JSON_INTEGER, and 0 or 1 of JSON_BOOL */
    char text[JSON_TEXT]; /* of JSON_STRING, with its escapes resolved */
    bool text_cut;        /* the string is longer than what is kept, or has a zero inside */
} json_value;

typedef struct {
    const char *at, *end;
    const char *error; /* NULL while all is well */
} json_reader;

static inline bool json_fail(json_reader *reader, const char *error) {
    if (!reader->error) reader->error = error;
    return false;
}

static inline void json_skip_space(json_reader *reader) {
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\t' ||
                                        *reader->at == '\n' || *reader->at == '\r'))
        reader->at++;
}

static inline bool json_next_is(json_reader *reader, char wanted) {
    json_skip_space(reader);
    if (reader->at == reader->end || *reader->at != wanted) return false;
    reader->at++;
    return true;
}

static inline int json_hex4(json_reader *reader) {
    int code = 0;
    if (reader->end - reader->at < 4) return -1;
    for (int i = 0; i < 4; i++) {
        char c = *reader->at++;
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0) return -1;
        code = code * 16 + digit;
    }
    return code;
}

/* The character of an escape, behind its backslash; -1 if it is none. */
static inline int32_t json_escape(json_reader *reader) {
    if (reader->at == reader->end) return -1;
    switch (*reader->at++) {
    case '"': return '"';
    case '\\': return '\\';
    case '/': return '/';
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'u': break;
    default: return -1;
    }
    int32_t code = json_hex4(reader);
    if (code < 0xd800 || code > 0xdfff) return code;
    if (code > 0xdbff || reader->end - reader->at < 6 || reader->at[0] != '\\' ||
        reader->at[1] != 'u')
        return -1;
    reader->at += 2;
    int32_t low = json_hex4(reader);
    return low < 0xdc00 || low > 0xdfff ? -1 : 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
}

static inline size_t json_utf8(int32_t code, char *out) {
    if (code < 0x80) return out[0] = (char)code, 1;
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 63));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 63));
        out[2] = (char)(0x80 | (code & 63));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 63));
    out[2] = (char)(0x80 | (code >> 6 & 63));
    out[3] = (char)(0x80 | (code & 63));
    return 4;
}

/* A string behind its first quote, into `text` (JSON_TEXT bytes, ends with a zero). */
static inline bool json_string(json_reader *reader, char *text, bool *cut) {
    size_t length = 0;
    *cut = false;
    while (reader->at < reader->end) {
        char character[4] = {*reader->at++};
        size_t size = 1;
        if (character[0] == '"') {
            text[length] = 0;
            return true;
        }
        if ((unsigned char)character[0] < 0x20)
            return json_fail(reader, "a control character in a string");
        if (character[0] == '\\') {
            int32_t code = json_escape(reader);
            if (code < 0) return json_fail(reader, "a wrong escape in a string");
            size = json_utf8(code, character);
        }
        if (length + size >= JSON_TEXT || !character[0]) *cut = true;
        if (!*cut)
            for (size_t i = 0; i < size; i++) text[length++] = character[i];
    }
    return json_fail(reader, "a string without its end");
}

static inline bool json_digits(json_reader *reader) {
    const char *start = reader->at;
    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9') reader->at++;
    return reader->at > start;
}

static inline bool json_number(json_reader *reader, json_value *value) {
    const char *start = reader->at;
    bool negative = *reader->at == '-';
    if (negative) reader->at++;
    const char *digits = reader->at;
    if (!json_digits(reader)) return json_fail(reader, "a wrong number");
    size_t count = (size_t)(reader->at - digits);
    if (*digits == '0' && count > 1) return json_fail(reader, "a number with a leading zero");
    value->kind = JSON_INTEGER;
    if (reader->at < reader->end && *reader->at == '.') {
        reader->at++;
        value->kind = JSON_OTHER_NUMBER;
        if (!json_digits(reader)) return json_fail(reader, "a wrong number");
    }
    if (reader->at < reader->end && (*reader->at == 'e' || *reader->at == 'E')) {
        reader->at++;
        value->kind = JSON_OTHER_NUMBER;
        if (reader->at < reader->end && (*reader->at == '+' || *reader->at == '-')) reader->at++;
        if (!json_digits(reader)) return json_fail(reader, "a wrong number");
    }
    if (count > 18) value->kind = JSON_OTHER_NUMBER; /* would not fit 64 bits for certain */
    if (value->kind == JSON_INTEGER) {
        value->integer = 0;
        for (const char *digit = digits; digit < digits + count; digit++)
            value->integer = value->integer * 10 + (*digit - '0');
        if (negative) value->integer = -value->integer;
    }
    return reader->at > start;
}

static inline bool json_word(json_reader *reader, const char *word) {
    for (; *word; word++, reader->at++)
        if (reader->at == reader->end || *reader->at != *word)
            return json_fail(reader, "a word that is not JSON");
    return true;
}

static inline bool json_read_value(json_reader *reader, json_value *value, int depth);

static inline bool json_nested(json_reader *reader, bool object, int depth) {
    json_value skipped;
    if (depth >= JSON_DEPTH) return json_fail(reader, "too many levels");
    if (json_next_is(reader, object ? '}' : ']')) return true;
    do {
        if (object) {
            if (!json_next_is(reader, '"')) return json_fail(reader, "a name is missing");
            if (!json_string(reader, skipped.text, &skipped.text_cut)) return false;
            if (!json_next_is(reader, ':')) return json_fail(reader, "a colon is missing");
        }
        if (!json_read_value(reader, &skipped, depth + 1)) return false;
    } while (json_next_is(reader, ','));
    return json_next_is(reader, object ? '}' : ']') || json_fail(reader, "a comma is missing");
}

static inline bool json_read_value(json_reader *reader, json_value *value, int depth) {
    json_skip_space(reader);
    if (reader->at == reader->end) return json_fail(reader, "a value is missing");
    switch (*reader->at) {
    case '"':
        reader->at++;
        value->kind = JSON_STRING;
        return json_string(reader, value->text, &value->text_cut);
    case '{':
    case '[': {
        bool object = *reader->at++ == '{';
        value->kind = JSON_NESTED;
        return json_nested(reader, object, depth);
    }
    case 't':
    case 'f':
        value->kind = JSON_BOOL;
        value->integer = *reader->at == 't';
        return json_word(reader, value->integer ? "true" : "false");
    case 'n': value->kind = JSON_NULL; return json_word(reader, "null");
    default: return json_number(reader, value);
    }
}

/* Whether all of it is UTF-8: no overlong form, no surrogate, nothing above U+10FFFF. */
static inline bool json_is_utf8(const uint8_t *at, size_t length) {
    for (const uint8_t *end = at + length; at < end;) {
        uint8_t first = *at++;
        int more = first < 0x80   ? 0
                   : first < 0xc2 ? -1
                   : first < 0xe0 ? 1
                   : first < 0xf0 ? 2
                   : first < 0xf5 ? 3
                                  : -1;
        if (more < 0 || end - at < more) return false;
        uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
        uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
        for (; more; more--, low = 0x80, high = 0xbf)
            if (*at < low || *at++ > high) return false;
    }
    return true;
}

/* Calls `member(name, value, into)` for each member of the object that `bytes` hold. Returns NULL,
 * or what is wrong; members before that place have been handed over then. */
static inline const char *json_read_object(const uint8_t *bytes, size_t length,
                                           void (*member)(const char *, const json_value *, void *),
                                           void *into) {
    json_reader reader = {(const char *)bytes, (const char *)bytes + length, NULL};
    if (!json_is_utf8(bytes, length)) return "not UTF-8";
    if (!json_next_is(&reader, '{')) return "not a JSON object";
    if (!json_next_is(&reader, '}')) {
        do {
            char name[JSON_TEXT];
            bool cut;
            json_value value = {0};
            if (!json_next_is(&reader, '"')) return "a name is missing";
            if (!json_string(&reader, name, &cut)) return reader.error;
            if (!json_next_is(&reader, ':')) return "a colon is missing";
            if (!json_read_value(&reader, &value, 1)) return reader.error;
            if (!cut) member(name, &value, into);
        } while (json_next_is(&reader, ','));
        if (!json_next_is(&reader, '}')) return "a comma is missing";
    }
    json_skip_space(&reader);
    return reader.at == reader.end ? NULL : "text behind the object";
}

/* ---- Writing: into a buffer of a fixed size; what does not fit sets `full`. ------------------ */

typedef struct {
    char data[768];
    size_t length;
    bool full;
} json_writer;

static inline void json_put(json_writer *writer, char character) {
    if (writer->length < sizeof writer->data)
        writer->data[writer->length++] = character;
    else
        writer->full = true;
}

static inline void json_put_string(json_writer *writer, const char *text) {
    static const char hex[] = "0123456789abcdef";
    json_put(writer, '"');
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20) {
            for (const char *escape = "\\u00"; *escape; escape++) json_put(writer, *escape);
            json_put(writer, hex[c >> 4]);
            json_put(writer, hex[c & 15]);
            continue;
        }
        if (c == '"' || c == '\\') json_put(writer, '\\');
        json_put(writer, *text);
    }
    json_put(writer, '"');
}

static inline void json_put_name(json_writer *writer, const char *name) {
    json_put(writer, writer->length ? ',' : '{');
    json_put_string(writer, name);
    json_put(writer, ':');
}

static inline void json_write_string(json_writer *writer, const char *name, const char *text) {
    json_put_name(writer, name);
    json_put_string(writer, text);
}

static inline void json_write_integer(json_writer *writer, const char *name, int64_t number) {
    char digits[20];
    int count = 0;
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
    json_put_name(writer, name);
    if (number < 0) json_put(writer, '-');
    do digits[count++] = (char)('0' + rest % 10);
    while (rest /= 10);
    while (count) json_put(writer, digits[--count]);
}

#endif
