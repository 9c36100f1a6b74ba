import { join } from "node:path";

/** The module formats in which a package is built. A CommonJS copy serves `require` on Node 20. */
export type PackageFormat = "esm" | "cjs";

/** A workspace that is published as a package. */
export interface PublishedPackage {
  /** The workspace, from the root of the repository. */
  readonly folder: string;
  readonly formats: readonly PackageFormat[];
  /**
   * Another workspace that is published as a part of this one, and how this one's code imports it. The part is built
   * into `dist/<name>`.
   */
  readonly part?: {
    readonly folder: string;
    readonly name: string;
    readonly imports: Readonly<Record<string, string>>;
  };
}

export const ROOT = join(import.meta.dirname, "..");

/** Each package after those that it depends on. */
export const PACKAGES: readonly PublishedPackage[] = [
  { folder: "packages/protocol", formats: ["esm", "cjs"] },
  { folder: "packages/client", formats: ["esm", "cjs"] },
  {
    folder: "apps/cli",
    formats: ["esm"],
    part: {
      folder: "apps/gateway",
      name: "gateway",
      imports: {
        "#gateway": "src/gateway.js",
        "#gateway/examine": "src/examine-services.js",
        "#gateway/main": "src/main.js",
      },
    },
  },
  { folder: "packages/create-hsafa", formats: ["esm"] },
];
