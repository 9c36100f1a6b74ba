import type { TenantId } from "../core/tenant-id.ts";

/** A file that is to be removed, and where its bytes are. */
export interface ExpiredFile {
  readonly tenantId: TenantId;
  readonly fileId: string;
  readonly keptIn: string;
}

/** What a gateway does about the files of all tenants. */
export interface FleetFiles {
  /**
   * Takes files whose time is over and that no run uses, `FILES_REMOVED_PER_SWEEP_MAX` at most. Nobody finds them from
   * then on. What this gateway has not forgotten after `FILE_REMOVAL_MS` is taken again, by any gateway.
   */
  takeExpiredFiles(): Promise<readonly ExpiredFile[]>;
  /** Forgets files that were taken, once their bytes are gone. */
  forgetFiles(params: { readonly fileIds: readonly string[] }): Promise<void>;
}
