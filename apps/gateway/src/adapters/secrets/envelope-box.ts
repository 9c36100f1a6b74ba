import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from "node:crypto";
import type { SecretBox } from "../../ports/secret-box.ts";
import type { TenantId } from "../../core/tenant-id.ts";

const CIPHER = "aes-256-gcm";
/** What this cipher takes and gives, in bytes. */
const SIZE = { key: 32, nonce: 12, tag: 16 } as const;
const FORM = "v1";

/**
 * Seals by envelopes: each value has a key of its own, and a master key encrypts that key.
 *
 * 1. The first master key seals, and all of them open. So a key is changed by putting a new one before it.
 * 2. A sealed value names its master key. The name tells nothing of the key.
 * 3. Tenant and name are authenticated with it. What is moved to another row does not open.
 */
export function createEnvelopeBox(masterKeys: readonly string[]): SecretBox {
  const masters = masterKeys.map(masterOf);
  const [sealing] = masters;
  return {
    seal({ tenantId, name, value }) {
      if (sealing === undefined) return null;
      const owner = ownerBytes(tenantId, name);
      const dataKey = randomBytes(SIZE.key);
      const parts = [encrypt(sealing.key, dataKey, owner), encrypt(dataKey, Buffer.from(value), owner)]; // 3.
      return [FORM, sealing.id, ...parts.map((part) => part.toString("base64url"))].join("."); // 2.
    },
    open({ tenantId, name, sealed }) {
      const [form, id, wrapped = "", encrypted = ""] = sealed.split(".");
      const master = masters.find((candidate) => candidate.id === id); // 1.
      if (form !== FORM || master === undefined) return null;
      const owner = ownerBytes(tenantId, name);
      const dataKey = decrypt(master.key, Buffer.from(wrapped, "base64url"), owner);
      const value = dataKey === null ? null : decrypt(dataKey, Buffer.from(encrypted, "base64url"), owner);
      return value === null ? null : value.toString();
    },
  };
}

/** Any long text is a master key. A key is derived from it, so that its form does not matter. */
function masterOf(text: string): { readonly id: string; readonly key: Buffer } {
  const key = Buffer.from(hkdfSync("sha256", text, "", "hsafa secrets", SIZE.key));
  return { key, id: createHash("sha256").update("hsafa secrets key id").update(key).digest("hex").slice(0, 16) };
}

function ownerBytes(tenantId: TenantId, name: string): Buffer {
  return Buffer.from(JSON.stringify([tenantId, name]));
}

function encrypt(key: Buffer, plain: Buffer, owner: Buffer): Buffer {
  const nonce = randomBytes(SIZE.nonce);
  const cipher = createCipheriv(CIPHER, key, nonce).setAAD(owner);
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function decrypt(key: Buffer, encrypted: Buffer, owner: Buffer): Buffer | null {
  if (key.length !== SIZE.key || encrypted.length < SIZE.nonce + SIZE.tag) return null;
  const nonce = encrypted.subarray(0, SIZE.nonce);
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: SIZE.tag }).setAAD(owner);
  decipher.setAuthTag(encrypted.subarray(-SIZE.tag));
  try {
    return Buffer.concat([decipher.update(encrypted.subarray(SIZE.nonce, -SIZE.tag)), decipher.final()]);
  } catch {
    return null;
  }
}
