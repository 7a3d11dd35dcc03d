#include "pki/crl.h"

#include "der/oid.h"
#include "pki/cert.h"
#include "pki/ext.h"

/* crlEntryExtensions with one reasonCode: SEQUENCE { SEQUENCE { OID 2.5.29.21, OCTET STRING { ENUMERATED } } }. */
static const uint8_t reason_extension[] = {0x30, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55,
                                           0x1d, 0x15, 0x04, 0x03, 0x0a, 0x01, 0x00};

/* RFC 5280, 5.3.1: 7 is not used, 8 belongs to delta CRLs. */
static bool reason_ok(int reason) {
  return reason >= 0 && reason <= 10 && reason != 7 && reason != 8;
}

/* UTCTime or GeneralizedTime: 2050-01-01T00:00:00Z is where the longer one begins. */
static size_t time_size(int64_t seconds) {
  return seconds < INT64_C(2524608000) ? 15 : 17;
}

static size_t entry_content(const struct crl_entry *e) {
  return der_size(e->serial.n) + time_size(e->revoked_s) + (e->reason ? sizeof reason_extension : 0);
}

static void put_entry(struct buf *b, const struct crl_entry *e) {
  der_put_header(b, DER_SEQUENCE, entry_content(e));
  der_put_integer(b, e->serial);
  der_put_time(b, e->revoked_s);
  if (!e->reason)
    return;
  uint8_t *at = buf_extend(b, sizeof reason_extension);
  if (!at)
    return;
  memcpy(at, reason_extension, sizeof reason_extension);
  at[sizeof reason_extension - 1] = (uint8_t)e->reason;
}

/* Every entry once, in order, revoked in the past, for a reason that a full CRL may give; adds up their size. */
static bool entries_ok(const struct crl_request *r, size_t *size) {
  *size = 0;
  for (size_t i = 0; i < r->entries_n; i++) {
    const struct crl_entry *e = &r->entries[i];
    if (e->serial.n == 0 || e->serial.n > SERIAL_MAX || !reason_ok(e->reason) || e->revoked_s > r->this_update_s ||
        (i > 0 && slice_cmp(r->entries[i - 1].serial, e->serial) >= 0))
      return false;
    *size += der_size(entry_content(e));
  }
  return true;
}

avow_err tbs_crl_put(struct buf *b, const struct crl_request *r) {
  size_t entries_size;
  if (r->next_update_s <= r->this_update_s || r->issuer_key_id.n == 0 || !entries_ok(r, &entries_size))
    return ERR_LINT;
  size_t tbs = der_begin(b, DER_SEQUENCE);
  der_put_uint(b, 1); /* v2 */
  buf_put(b, signature_alg_identifier(r->alg));
  buf_put(b, r->issuer_name);
  der_put_time(b, r->this_update_s);
  der_put_time(b, r->next_update_s);
  if (r->entries_n > 0) { /* RFC 5280, 5.1.2.6: absent, not empty */
    der_put_header(b, DER_SEQUENCE, entries_size);
    for (size_t i = 0; i < r->entries_n; i++)
      put_entry(b, &r->entries[i]);
  }
  size_t explicit = der_begin(b, DER_CONTEXT_SET(0)), extensions = der_begin(b, DER_SEQUENCE);
  ext_put_authority_key_id(b, r->issuer_key_id);
  ext_put_crl_number(b, r->number);
  if (r->idp_url)
    ext_put_issuing_point(b, r->idp_url);
  der_end(b, extensions);
  der_end(b, explicit);
  der_end(b, tbs);
  return b->failed ? ERR_NO_MEMORY : AVOW_OK;
}
