/* The states and kinds that travel in messages and stand in the database. Numbers never change. */
#ifndef AVOW_IPC_MODEL_H
#define AVOW_IPC_MODEL_H

#include "base/bytes.h"

enum identifier_type { IDENTIFIER_DNS = 1, IDENTIFIER_IP = 2 };

/* RFC 8555, 7.1.6. */
enum account_status { ACCOUNT_VALID = 1, ACCOUNT_DEACTIVATED = 2, ACCOUNT_REVOKED = 3 };
enum order_status { ORDER_PENDING = 1, ORDER_READY = 2, ORDER_PROCESSING = 3, ORDER_VALID = 4, ORDER_INVALID = 5 };
enum authz_status {
  AUTHZ_PENDING = 1,
  AUTHZ_VALID = 2,
  AUTHZ_INVALID = 3,
  AUTHZ_DEACTIVATED = 4,
  AUTHZ_EXPIRED = 5,
  AUTHZ_REVOKED = 6
};
enum challenge_status { CHALLENGE_PENDING = 1, CHALLENGE_PROCESSING = 2, CHALLENGE_VALID = 3, CHALLENGE_INVALID = 4 };
enum challenge_method { METHOD_HTTP_01 = 1, METHOD_DNS_01 = 2, METHOD_TLS_ALPN_01 = 3 };
enum certificate_status { CERTIFICATE_GOOD = 1, CERTIFICATE_REVOKED = 2, CERTIFICATE_HELD = 3 };

/* The ACME text of a state or kind ("pending", "http-01", "dns"); NULL when the number is none. */
const char *account_status_text(int status);
const char *order_status_text(int status);
const char *authz_status_text(int status);
const char *challenge_status_text(int status);
const char *challenge_method_text(int method);
const char *identifier_type_text(int type);
/* 0 when the text is none. */
int challenge_method_from_text(struct slice text);
int identifier_type_from_text(struct slice text);

/* The one transition table of each state machine (RFC 8555, 7.1.6): may `from` become `to`? Staying is allowed. */
bool account_may_become(int from, int to);
bool order_may_become(int from, int to);
bool authz_may_become(int from, int to);
bool challenge_may_become(int from, int to);

#endif
