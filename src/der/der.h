/* Strict DER (X.690): a reader with a sticky error and a writer into struct buf. One-byte tags only, definite and
   minimal lengths, one right form of every value; anything else is refused. Nothing here allocates but the buffer. */
#ifndef AVOW_DER_DER_H
#define AVOW_DER_DER_H

#include "base/buf.h"

enum der_tag {
  DER_BOOLEAN = 0x01,
  DER_INTEGER = 0x02,
  DER_BIT_STRING = 0x03,
  DER_OCTET_STRING = 0x04,
  DER_NULL = 0x05,
  DER_OID = 0x06,
  DER_ENUMERATED = 0x0a,
  DER_UTF8_STRING = 0x0c,
  DER_PRINTABLE_STRING = 0x13,
  DER_TELETEX_STRING = 0x14,
  DER_IA5_STRING = 0x16,
  DER_UTC_TIME = 0x17,
  DER_GENERALIZED_TIME = 0x18,
  DER_BMP_STRING = 0x1e,
  DER_SEQUENCE = 0x30,
  DER_SET = 0x31
};
/* Context-specific tags: of a primitive ([2] IMPLICIT IA5String) and of a constructed value ([0] EXPLICIT). */
#define DER_CONTEXT(number) ((uint8_t)(0x80 | (number)))
#define DER_CONTEXT_SET(number) ((uint8_t)(0xa0 | (number)))

/* Reading. A reader walks the elements of one constructed value. After the first fault `failed` sticks: further reads
   give empty slices and zeros, so that a parser checks once, with der_at_end(). All slices borrow from the input. */
struct der {
  const uint8_t *p, *end;
  bool failed;
};

struct der der_of(struct slice bytes);
/* True if nothing failed and every byte was read. */
bool der_at_end(const struct der *d);
/* True if nothing failed and there is another element: the condition of a loop. */
bool der_more(const struct der *d);
/* The tag of the next element; -1 at the end or after a fault. Consumes nothing. */
int der_peek(const struct der *d);
/* Marks a fault found by the caller. */
void der_fail(struct der *d);

/* Content of the next element, which must have this tag. */
struct slice der_read(struct der *d, uint8_t tag);
/* Content of the next element of any tag. */
struct slice der_read_any(struct der *d, uint8_t *tag);
/* The whole next element, tag and length included; it must have this tag. Its inside is not looked at. */
struct slice der_element(struct der *d, uint8_t tag);
/* True and the content, when the next element has this tag; otherwise false and nothing is consumed. */
bool der_optional(struct der *d, uint8_t tag, struct slice *content);
/* A reader of the content of the next element; a failed one when there is none with this tag. End it with
   der_leave(), which passes on its fault and demands that all of it was read. */
struct der der_enter(struct der *d, uint8_t tag);
void der_leave(struct der *d, const struct der *inner);

/* Content octets of a minimal INTEGER, two's complement (X.690, 8.3). */
struct slice der_integer(struct der *d);
/* A non-negative INTEGER as its magnitude without leading zeros; one zero octet for 0. */
struct slice der_unsigned(struct der *d);
/* A non-negative INTEGER or ENUMERATED of at most `max`. */
uint64_t der_uint(struct der *d, uint64_t max);
uint64_t der_enumerated(struct der *d, uint64_t max);
/* TRUE is FF (X.690, 11.1). */
bool der_boolean(struct der *d);
void der_null(struct der *d);
/* Content octets of an OBJECT IDENTIFIER with minimal arcs; compare with the constants of der/oid.h. */
struct slice der_oid(struct der *d);
/* Octets of a BIT STRING of whole octets (no unused bits). */
struct slice der_bit_string(struct der *d);
/* A BIT STRING of named bits, at most 16, trailing zeros left out (X.690, 11.2.2): bit n of the type is 1u << n. */
uint32_t der_named_bits(struct der *d);
/* UTCTime through 2049, GeneralizedTime from 2050, seconds and Z, no fraction (RFC 5280, 4.1.2.5): seconds since 1970.
 */
int64_t der_time(struct der *d);
/* True if `s` consists of characters of a PrintableString. */
bool der_is_printable(struct slice s);
/* True if `s` is well-formed UTF-8 (no surrogates, no overlong forms). */
bool der_is_utf8(struct slice s);

/* Writing. Constructed values are opened and closed; their length is filled in at the end:

     size_t tbs = der_begin(b, DER_SEQUENCE);
     der_put_uint(b, 2);
     der_end(b, tbs);

   Failures stick in the buffer (`failed`); check once. */
size_t der_begin(struct buf *b, uint8_t tag);
void der_end(struct buf *b, size_t mark);
/* A BIT STRING without unused bits whose content is appended next (DER inside, as in a SubjectPublicKeyInfo). */
size_t der_begin_bits(struct buf *b);
/* Tag and length of an element whose `n` content octets the caller appends next. */
void der_put_header(struct buf *b, uint8_t tag, size_t n);
/* How many octets der_put_header() and `n` content octets take. */
size_t der_size(size_t n);
void der_put(struct buf *b, uint8_t tag, struct slice content);
void der_put_str(struct buf *b, uint8_t tag, const char *text);
/* `content` as it is: must be a minimal two's complement form, otherwise the buffer fails. */
void der_put_integer(struct buf *b, struct slice content);
/* A non-negative INTEGER from its big-endian magnitude; leading zeros are dropped, a sign octet added. */
void der_put_unsigned(struct buf *b, struct slice magnitude);
void der_put_uint(struct buf *b, uint64_t v);
void der_put_enumerated(struct buf *b, uint64_t v);
void der_put_boolean(struct buf *b, bool v);
void der_put_null(struct buf *b);
/* From content octets. */
void der_put_oid(struct buf *b, struct slice oid);
/* From dotted text, "2.23.140.1.2.1"; the buffer fails when it is none. */
void der_put_oid_text(struct buf *b, const char *dotted);
/* With no unused bits. */
void der_put_bit_string(struct buf *b, struct slice octets);
/* Bits 0 to 15 as der_named_bits() reads them. */
void der_put_named_bits(struct buf *b, uint32_t bits);
/* Seconds since 1970; the buffer fails outside the years 1950 to 9999. */
void der_put_time(struct buf *b, int64_t seconds);

#endif
