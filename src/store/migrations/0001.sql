-- The first schema. Integer keys join inside; ids are the 128-bit ones that leave the system. Times are milliseconds since
-- 1970. What must be kept and what may be erased stand in different tables, and every column has a category in policy.conf.
-- Indexes are few and mostly grow at their end: ids begin with their time.

-- ---- accounts

CREATE TABLE accounts(
  key INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE,
  status INTEGER NOT NULL,
  epoch INTEGER NOT NULL,              -- of the newest sealed record
  created INTEGER NOT NULL,
  terms_agreed INTEGER NOT NULL
) STRICT;

-- Apart: what identifies the person behind an account goes when the account's retention ends, the row above stays.
CREATE TABLE account_keys(
  account INTEGER PRIMARY KEY,         -- accounts.key
  thumbprint BLOB NOT NULL,
  jwk BLOB NOT NULL,
  sealed BLOB NOT NULL
) STRICT;
CREATE INDEX account_keys_thumbprint ON account_keys(thumbprint);

-- ---- orders

-- status is what was decided: pending until finalize, then processing, valid, invalid. Ready, and invalid by a failed or
-- expired authorization, follow from the authorizations whenever an order is read.
CREATE TABLE orders(
  key INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE,
  account INTEGER NOT NULL,            -- accounts.key
  status INTEGER NOT NULL,
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  not_before INTEGER NOT NULL,         -- as asked for; 0 when not
  not_after INTEGER NOT NULL,
  profile TEXT NOT NULL,
  certificate BLOB                     -- certificates.id
) STRICT;
CREATE INDEX orders_account ON orders(account);

CREATE TABLE order_problems(
  "order" INTEGER PRIMARY KEY,         -- orders.key
  err INTEGER NOT NULL,
  detail TEXT NOT NULL,
  subproblems BLOB NOT NULL            -- store/pack.h
) STRICT;

CREATE TABLE order_authzs(
  "order" INTEGER NOT NULL,            -- orders.key
  n INTEGER NOT NULL,                  -- place in the order
  authz INTEGER NOT NULL,              -- authzs.key
  PRIMARY KEY("order", n)
) STRICT, WITHOUT ROWID;
CREATE INDEX order_authzs_authz ON order_authzs(authz);

-- ---- authorizations

CREATE TABLE authzs(
  key INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE,
  account INTEGER NOT NULL,            -- accounts.key
  status INTEGER NOT NULL,
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  keeps INTEGER NOT NULL,              -- how long it stays valid once it is
  validated INTEGER NOT NULL,          -- 0 until valid
  identifier_type INTEGER NOT NULL,
  wildcard INTEGER NOT NULL,
  identifier TEXT NOT NULL,
  methods INTEGER NOT NULL,            -- bit 1 << method for each challenge that is offered
  token TEXT NOT NULL
) STRICT;
CREATE INDEX authzs_reusable ON authzs(account, identifier) WHERE status = 2;

-- Only challenges that were responded to have a row; the others are pending. A challenge's id is its authorization's with the
-- method in the origin byte.
CREATE TABLE challenges(
  authz INTEGER NOT NULL,              -- authzs.key
  method INTEGER NOT NULL,
  status INTEGER NOT NULL,
  validated INTEGER NOT NULL,
  err INTEGER NOT NULL,
  detail TEXT NOT NULL,
  PRIMARY KEY(authz, method)
) STRICT, WITHOUT ROWID;

-- Sealed statements of the validator: evidence that must be kept.
CREATE TABLE statements(
  authz INTEGER NOT NULL,              -- authzs.key
  kind INTEGER NOT NULL,               -- 1 control, 2 CAA
  n INTEGER NOT NULL,
  method INTEGER NOT NULL,
  expires INTEGER NOT NULL,            -- of CAA statements; 0 for control
  sealed BLOB NOT NULL,
  PRIMARY KEY(authz, kind, n)
) STRICT, WITHOUT ROWID;

-- What was met on the way (addresses, servers, answers): record, not proof, with a retention of its own.
CREATE TABLE validation_records(
  key INTEGER PRIMARY KEY,
  authz INTEGER NOT NULL,              -- authzs.key; 0 when met for an order
  "order" INTEGER NOT NULL,            -- orders.key; 0 when met for an authorization
  method INTEGER NOT NULL,
  at INTEGER NOT NULL,
  met BLOB NOT NULL                    -- store/pack.h
) STRICT;
CREATE INDEX validation_records_authz ON validation_records(authz) WHERE authz <> 0;

-- ---- certificates

CREATE TABLE certificates(
  key INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE,
  serial BLOB NOT NULL UNIQUE,
  fingerprint INTEGER NOT NULL,        -- the first 8 bytes of the DER's SHA-256
  issuer TEXT NOT NULL,                -- issuers.issuer
  shard INTEGER NOT NULL,
  profile TEXT NOT NULL,
  issued INTEGER NOT NULL,
  not_before INTEGER NOT NULL,
  not_after INTEGER NOT NULL,
  status INTEGER NOT NULL,
  reason INTEGER NOT NULL,
  revoked INTEGER NOT NULL,
  sealed BLOB NOT NULL
) STRICT;
CREATE INDEX certificates_fingerprint ON certificates(fingerprint);

CREATE TABLE certificate_ders(
  certificate INTEGER PRIMARY KEY,     -- certificates.key
  der BLOB NOT NULL,
  names TEXT NOT NULL                  -- of its SAN, comma-separated
) STRICT;

-- Whose certificate it is: a row of its own, so that the join can be forgotten and the certificate kept.
CREATE TABLE certificate_accounts(
  certificate INTEGER PRIMARY KEY,     -- certificates.key
  account INTEGER NOT NULL             -- accounts.key
) STRICT;
CREATE INDEX certificate_accounts_account ON certificate_accounts(account);

CREATE TABLE revocations(
  certificate INTEGER PRIMARY KEY,     -- certificates.key
  record INTEGER NOT NULL,             -- number in the signer's stream
  reason INTEGER NOT NULL,
  revoked INTEGER NOT NULL,
  sealed BLOB NOT NULL
) STRICT;

CREATE TABLE blocked_keys(
  spki BLOB PRIMARY KEY,               -- SHA-256 of the SubjectPublicKeyInfo
  since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- ---- the CA itself

CREATE TABLE issuers(
  issuer TEXT PRIMARY KEY,
  root INTEGER NOT NULL,
  shards INTEGER NOT NULL,
  der BLOB NOT NULL
) STRICT;

CREATE TABLE crls(
  issuer TEXT NOT NULL,
  shard INTEGER NOT NULL,
  crl_number INTEGER NOT NULL,         -- 0: none signed yet
  this_update INTEGER NOT NULL,
  next_update INTEGER NOT NULL,
  revocations INTEGER NOT NULL,        -- recorded since
  PRIMARY KEY(issuer, shard)
) STRICT, WITHOUT ROWID;

CREATE TABLE service_certificate(
  one INTEGER PRIMARY KEY CHECK(one = 1),
  certificate INTEGER NOT NULL         -- certificates.key
) STRICT;

CREATE TABLE publication(
  path TEXT PRIMARY KEY,
  version INTEGER NOT NULL,            -- the record it came with
  published_version INTEGER NOT NULL,
  content BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX publication_version ON publication(version);

-- ---- work

CREATE TABLE jobs(
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  id BLOB NOT NULL UNIQUE,
  kind INTEGER NOT NULL,               -- store/jobs.h
  state INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  created INTEGER NOT NULL,
  not_before INTEGER NOT NULL,
  ended INTEGER NOT NULL,
  account INTEGER NOT NULL,            -- accounts.key; 0 without one
  subject BLOB NOT NULL,               -- the challenge, order or certificate id, or an account key's thumbprint
  payload BLOB NOT NULL,               -- the subscriber's signed request, as received
  err INTEGER NOT NULL,
  detail TEXT NOT NULL
) STRICT;
CREATE INDEX jobs_waiting ON jobs(kind, subject) WHERE state = 1;
CREATE INDEX jobs_ended ON jobs(ended) WHERE state <> 1;

-- The next number of the signer's stream.
CREATE TABLE stream(
  one INTEGER PRIMARY KEY CHECK(one = 1),
  next INTEGER NOT NULL
) STRICT;
INSERT INTO stream(one, next) VALUES(1, 1);

-- ---- the ledger's leaves, not yet numbered

CREATE TABLE ledger_leaves(
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  kind INTEGER NOT NULL,               -- store/leaves.h
  at INTEGER NOT NULL,
  certificate INTEGER NOT NULL,        -- certificates.key whose DER is the body; 0: the body stands here
  body BLOB NOT NULL
) STRICT;

-- Openings of the commitments in leaves about persons; without its opening a commitment says nothing.
CREATE TABLE ledger_openings(
  leaf INTEGER PRIMARY KEY,            -- ledger_leaves.key
  opening BLOB NOT NULL
) STRICT;
