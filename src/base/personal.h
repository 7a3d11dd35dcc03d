/* Types for personal data. They are structs on purpose: no printf conversion, no log field and no problem detail
   takes one, so a contact cannot reach a log line by accident; it fails to compile. A sink that may receive one
   takes the type itself. */
#ifndef AVOW_BASE_PERSONAL_H
#define AVOW_BASE_PERSONAL_H

#include "base/bytes.h"

/* A mail address, at most 254 bytes (RFC 5321, 4.5.3.1.3). */
struct personal_email {
  uint16_t n;
  char text[254];
};

/* An IP address of a person's machine: 4 or 16 bytes in network order, n 0 when unknown. */
struct personal_ip {
  uint8_t n;
  uint8_t b[16];
};

#endif
