import type { ApiKey, AuditActor, Scope } from "@hsafa/protocol";
import { isoTime } from "../../src/core/iso-time.ts";
import type { FleetKeys } from "../../src/ports/fleet-keys.ts";
import { GATEWAY_ACTOR } from "../../src/ports/gateway-actor.ts";
import {
  KEY_USE_COARSE_MS,
  KEYS_PER_TENANT_MAX,
  REVOCATION_KEPT_MS,
  REVOCATIONS_PAGE_MAX,
  REVOCATIONS_PER_TENANT_MAX,
  REVOKED_KEY_KEPT_MS,
} from "../../src/ports/limits.ts";
import { cursorId, pageCursor } from "../../src/ports/page-cursor.ts";
import type { Revoked } from "../../src/ports/revocation.ts";
import type { TenantKeys } from "../../src/ports/tenant-keys.ts";
import { audit } from "./store-audit.ts";
import type { Rows } from "./store-rows.ts";
import type { TenantId } from "../../src/core/tenant-id.ts";

export interface KeyRow {
  readonly id: string;
  readonly tenantId: TenantId;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly subject: string | null;
  readonly groups: readonly string[];
  readonly createdBy: string | null;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  origin: string | null;
  keyHash: string;
  formerHash: string | null;
  formerUntil: number | null;
  lastUsedAt: number | null;
  revokedAt: number | null;
}

export interface RevocationRow {
  readonly tenantId: TenantId;
  readonly kind: Revoked;
  readonly subject: string;
  readonly number: number;
  readonly revokedAt: number;
}

/** Whether a key is neither revoked nor expired. */
export function isTakenKey(rows: Rows, row: KeyRow): boolean {
  return row.revokedAt === null && (row.expiresAt === null || row.expiresAt > rows.now());
}

export function recordRevocation(rows: Rows, row: Omit<RevocationRow, "number">): void {
  const key = JSON.stringify([row.tenantId, row.kind, row.subject]);
  rows.revocationCount = Math.max(rows.revocationCount + 1, rows.now());
  // The last one goes last, as an index by number would have it.
  rows.revocations.delete(key);
  rows.revocations.set(key, { ...row, number: rows.revocationCount });
}

function revoke(rows: Rows, row: KeyRow, by: AuditActor): void {
  if (row.revokedAt !== null) return;
  row.revokedAt = rows.now();
  recordRevocation(rows, { tenantId: row.tenantId, kind: "key", subject: row.id, revokedAt: rows.now() });
  audit(rows, row.tenantId, { action: "key.revoke", outcome: "revoked", by, targets: targetsOf(row) });
}

function targetsOf({ id, name }: KeyRow): Record<string, string> {
  return { keyId: id, keyName: name };
}

function end(rows: Rows, ends: readonly string[], except: string | null): void {
  for (const row of rows.keys.values()) {
    const { origin, keyHash } = row;
    if (origin === null || keyHash === except) continue;
    if (ends.includes(origin) || ends.includes(origin.split(":")[0] ?? "")) revoke(rows, row, GATEWAY_ACTOR);
  }
}

/** What a sweep removes. */
export function sweepKeys(rows: Rows): void {
  for (const [key, { revokedAt }] of rows.revocations) {
    if (revokedAt < rows.now() - REVOCATION_KEPT_MS) rows.revocations.delete(key);
  }
  for (const [id, { revokedAt }] of rows.keys) {
    if (revokedAt !== null && revokedAt < rows.now() - REVOKED_KEY_KEPT_MS) rows.keys.delete(id);
  }
}

/** The statements about keys that serve all tenants. */
export function createMemoryFleetKeys(rows: Rows): FleetKeys {
  return {
    async findApiKey({ keyHash }) {
      const now = rows.now();
      const row = [...rows.keys.values()].find(
        (key) => key.keyHash === keyHash || (key.formerHash === keyHash && (key.formerUntil ?? 0) > now),
      );
      if (row === undefined || !isTakenKey(rows, row) || rows.isDisabled(row.tenantId)) return null;
      const { id: keyId, tenantId, name, scopes, subject, groups, expiresAt, formerUntil } = row;
      const until = Math.min(
        expiresAt ?? Number.POSITIVE_INFINITY,
        row.keyHash === keyHash ? Number.POSITIVE_INFINITY : (formerUntil ?? 0),
      );
      const expiresInMs = until === Number.POSITIVE_INFINITY ? null : until - now;
      return { keyId, tenantId, name, scopes, subject, groups, expiresInMs };
    },
    async ensureApiKey({ tenantName, name, keyHash, scopes, origin = null, ends = [] }) {
      const known = [...rows.keys.values()].find((row) => row.keyHash === keyHash);
      if (known !== undefined) {
        const { tenantId, id: keyId, revokedAt } = known;
        if (revokedAt !== null) return { tenantId, keyId, isRevoked: true };
        known.origin = origin ?? known.origin;
        end(rows, ends, keyHash);
        return { tenantId, keyId, isRevoked: false };
      }
      end(rows, ends, keyHash);
      const isNew = ![...rows.tenants.values()].some((row) => row.name === tenantName);
      const tenantId = rows.tenantOfName(tenantName);
      if (isNew) {
        const targets = { tenantId, tenant: tenantName };
        audit(rows, tenantId, { action: "tenant.create", outcome: "created", by: GATEWAY_ACTOR, targets });
      }
      const keyId = rows.clock.newId();
      const row = { ...NEW_KEY, id: keyId, tenantId, name, keyHash, scopes, origin, createdAt: rows.now() };
      rows.keys.set(keyId, row);
      const made = { by: GATEWAY_ACTOR, targets: targetsOf(row), details: { scopes: [...scopes] } };
      audit(rows, tenantId, { action: "key.create", outcome: "created", ...made });
      return { tenantId, keyId, isRevoked: false };
    },
    async endInitialKeys({ ends }) {
      end(rows, ends, null);
      return { isKeyLeft: [...rows.keys.values()].some((row) => isTakenKey(rows, row)) };
    },
    async recordKeyUse({ keyIds }) {
      for (const keyId of keyIds) {
        const row = rows.keys.get(keyId);
        if (row !== undefined && (row.lastUsedAt ?? 0) < rows.now() - KEY_USE_COARSE_MS) row.lastUsedAt = rows.now();
      }
    },
    readRevocationNumber: async () => rows.revocationCount,
    readRevocations: async ({ after }) =>
      [...rows.revocations.values()]
        .filter(({ number }) => number > after)
        .slice(0, REVOCATIONS_PAGE_MAX)
        .map(({ revokedAt, ...row }) => ({ ...row, dueInMs: Math.max(0, revokedAt - rows.now()) })),
  };
}

const NEW_KEY = {
  subject: null,
  groups: [],
  createdBy: null,
  expiresAt: null,
  formerHash: null,
  formerUntil: null,
  lastUsedAt: null,
  revokedAt: null,
};

/** One tenant's statements about its keys. */
export function createMemoryTenantKeys(rows: Rows, tenantId: TenantId): TenantKeys {
  const own = (): KeyRow[] => [...rows.keys.values()].filter((row) => row.tenantId === tenantId);
  const revocations = (): RevocationRow[] => [...rows.revocations.values()].filter((row) => row.tenantId === tenantId);
  const hasRoom = (): boolean =>
    revocations().filter(({ kind }) => kind === "secret" || kind === "subject" || kind === "device").length <
    REVOCATIONS_PER_TENANT_MAX;
  const find = (keyId: string): KeyRow | undefined => own().find(({ id }) => id === keyId);

  return {
    async createApiKey({ keyId, expiresInMs, by, ...params }) {
      const known = find(keyId);
      if (known !== undefined) return apiKeyOf(known);
      const isCounted = ({ revokedAt }: KeyRow): boolean =>
        revokedAt === null || revokedAt > rows.now() - REVOCATION_KEPT_MS;
      if (own().filter(isCounted).length >= KEYS_PER_TENANT_MAX) return null;
      const createdAt = rows.now();
      const expiresAt = expiresInMs === null ? null : createdAt + expiresInMs;
      const row: KeyRow = { ...NEW_KEY, ...params, id: keyId, tenantId, origin: null, createdAt, expiresAt };
      rows.keys.set(keyId, row);
      audit(rows, tenantId, {
        action: "key.create",
        outcome: "created",
        by,
        targets: { ...targetsOf(row), ...(row.subject === null ? {} : { subject: row.subject }) },
        details: {
          scopes: [...row.scopes],
          ...(expiresAt === null ? {} : { expiresAt: isoTime(expiresAt) }),
        },
      });
      return apiKeyOf(row);
    },
    async listApiKeys({ limit, cursor }) {
      const after = cursor === undefined ? undefined : cursorId(cursor);
      if (after === null) return { data: [], nextCursor: null };
      const listed = own()
        .filter(({ id }) => after === undefined || id < after)
        .toSorted((a, b) => (a.id < b.id ? 1 : -1));
      const shown = listed.slice(0, limit);
      const last = shown.at(-1);
      const nextCursor = listed.length > limit && last !== undefined ? pageCursor(last.id) : null;
      return { data: shown.map(apiKeyOf), nextCursor };
    },
    async rotateApiKey({ keyId, keyHash, overlapMs, by }) {
      const row = find(keyId);
      if (row === undefined || !isTakenKey(rows, row)) return { kind: "not_found" };
      if (row.origin !== null) return { kind: "initial" };
      if (row.keyHash === keyHash) return { kind: "rotated", key: apiKeyOf(row) };
      if (!hasRoom()) return { kind: "too_many" };
      const now = rows.now();
      recordRevocation(rows, { tenantId, kind: "secret", subject: row.keyHash, revokedAt: now + overlapMs });
      if (row.formerHash !== null && (row.formerUntil ?? 0) > now) {
        recordRevocation(rows, { tenantId, kind: "secret", subject: row.formerHash, revokedAt: now });
      }
      row.formerHash = row.keyHash;
      row.formerUntil = now + overlapMs;
      row.keyHash = keyHash;
      const details = { formerSecretUntil: isoTime(row.formerUntil) };
      audit(rows, tenantId, { action: "key.rotate", outcome: "rotated", by, targets: targetsOf(row), details });
      return { kind: "rotated", key: apiKeyOf(row) };
    },
    async revokeApiKey({ keyId, by }) {
      const row = find(keyId);
      if (row !== undefined) revoke(rows, row, by);
      return row !== undefined;
    },
    async revokeTokens({ whose, by }) {
      const subject = whose.kind === "tokens" ? "" : whose.subject;
      const isKnown = revocations().some((row) => row.kind === whose.kind && row.subject === subject);
      if (whose.kind !== "tokens" && !isKnown && !hasRoom()) return false;
      recordRevocation(rows, { tenantId, kind: whose.kind, subject, revokedAt: rows.now() });
      const targets: Record<string, string> =
        whose.kind === "tokens" ? {} : whose.kind === "subject" ? { subject } : { deviceKey: subject };
      audit(rows, tenantId, { action: "token.revoke", outcome: "revoked", by, targets });
      return true;
    },
  };
}

function apiKeyOf(row: KeyRow): ApiKey {
  const time = (ms: number | null): string | null => (ms === null ? null : isoTime(ms));
  return {
    id: row.id,
    name: row.name,
    scopes: row.scopes,
    subject: row.subject,
    groups: row.groups,
    createdBy: row.createdBy,
    createdAt: isoTime(row.createdAt),
    expiresAt: time(row.expiresAt),
    lastUsedAt: time(row.lastUsedAt),
    revokedAt: time(row.revokedAt),
    formerSecretUntil: time(row.formerUntil),
  };
}
