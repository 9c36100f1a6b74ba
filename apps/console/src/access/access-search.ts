/** The lists of the access page. */
export const ACCESS_TABS = ["audit", "keys", "tenants"] as const;

/** One of them. */
export type AccessTab = (typeof ACCESS_TABS)[number];

/** What of the access page is shown. */
export interface AccessSearch {
  readonly tab?: AccessTab;
}

/** Takes from an address which list is shown. */
export function accessSearchIn({ tab }: Readonly<Record<string, unknown>>): AccessSearch {
  return (ACCESS_TABS as readonly unknown[]).includes(tab) ? { tab: tab as AccessTab } : {};
}
