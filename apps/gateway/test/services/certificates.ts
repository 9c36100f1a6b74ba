import { execFile } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A throwaway authority, and what it signed, as paths of PEM files that every user of this machine may read. */
export interface Certificates {
  readonly ca: string;
  /** Of the server `localhost`. */
  readonly serverCert: string;
  readonly serverKey: string;
  /** Of a client whose common name is `client`. */
  readonly clientCert: string;
  readonly clientKey: string;
  /** Of another authority, which signed none of these. */
  readonly otherCa: string;
  remove(): Promise<void>;
}

/** Makes certificates with openssl. `ownerUid`: the user who may read the server's key; Postgres insists on its own. */
export async function makeCertificates({ owner }: { readonly owner?: string } = {}): Promise<Certificates> {
  const folder = await mkdtemp("/tmp/hsafa-test-certificates-");
  await chmod(folder, 0o755);
  const path = (name: string): string => join(folder, name);
  const openssl = (...args: string[]) => run("openssl", args, { cwd: folder });

  async function authority(name: string): Promise<void> {
    const subject = ["-subj", `/CN=${name}`, "-keyout", `${name}.key`, "-out", `${name}.crt`];
    await openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", ...subject);
  }
  async function signed(name: string, extension: string): Promise<void> {
    await writeFile(path(`${name}.ext`), extension);
    await openssl(
      "req",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-subj",
      `/CN=${name}`,
      "-keyout",
      `${name}.key`,
      "-out",
      `${name}.csr`,
    );
    const by = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", `${name}.ext`];
    await openssl("x509", "-req", "-in", `${name}.csr`, "-out", `${name}.crt`, ...by);
  }

  await Promise.all([authority("ca"), authority("other-ca")]);
  await signed("localhost", "subjectAltName=DNS:localhost\n");
  await signed("client", "extendedKeyUsage=clientAuth\n");
  if (owner !== undefined) await run("chown", [owner, path("localhost.key")]);
  await chmod(path("localhost.key"), 0o600);
  return {
    ca: path("ca.crt"),
    serverCert: path("localhost.crt"),
    serverKey: path("localhost.key"),
    clientCert: path("client.crt"),
    clientKey: path("client.key"),
    otherCa: path("other-ca.crt"),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
