import { createSessionOperator } from "@hsafa/client/operator";
import type { ApiKey, AuditEntry, Tenant } from "@hsafa/protocol";
import { Tab, TabList, TabPanel, TabProvider } from "@ariakit/react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { EmptyNote } from "../elements/empty-note.tsx";
import { FailureNote } from "../elements/failure-note.tsx";
import { StatusLabel } from "../elements/status-mark.tsx";
import { TimeText } from "../elements/time-text.tsx";
import { useStandingError } from "../elements/use-standing-error.ts";
import { PageHeader } from "../frame/page-header.tsx";
import { LIST_PAGE_ITEMS } from "../limits.ts";
import { ACCESS_TABS, type AccessTab } from "./access-search.ts";
import { entryWords } from "./entry-words.ts";
import { keyWords, reachWords } from "./key-words.ts";
import styles from "./access-page.module.css";

const operator = createSessionOperator({ url: location.origin });
const WORDS: Readonly<Record<AccessTab, string>> = { audit: "Audit log", keys: "Keys", tenants: "Tenants" };

/** Who may do what, and who did what: the audit log, the keys, and for the operator the tenants. */
export function AccessPage() {
  const { tab = "audit" } = useSearch({ from: "/access" });
  const navigate = useNavigate({ from: "/access" });
  return (
    <>
      <PageHeader title="Access" />
      <TabProvider selectedId={tab} setSelectedId={(id) => void navigate({ search: { tab: id as AccessTab } })}>
        <TabList className={styles.tabs} aria-label="Access">
          {ACCESS_TABS.map((one) => (
            <Tab key={one} id={one} className={styles.tab}>
              {WORDS[one]}
            </Tab>
          ))}
        </TabList>
        <TabPanel tabId={tab} className={styles.panel} focusable={false}>
          {tab === "audit" && (
            <List
              name="audit"
              head={["when", "who", "did", "to"]}
              read={(page, signal) => operator.audit.list(page, { signal })}
              row={(entry: AuditEntry) => [
                <TimeText key="at" at={entry.at} />,
                ...entryWords(entry).map((text, index) => <span key={index}>{text}</span>),
              ]}
              empty={<EmptyNote title="Nothing was done yet that is kept here" />}
            />
          )}
          {tab === "keys" && (
            <List
              name="keys"
              head={["state", "name", "reaches", "last used", "made"]}
              read={(page, signal) => operator.keys.list(page, { signal })}
              row={(key: ApiKey) => [
                <StatusLabel key="state" words={keyWords(key, Date.now())} />,
                <b key="name">{key.name}</b>,
                <span key="reach">{reachWords(key)}</span>,
                key.lastUsedAt === null ? "never" : <TimeText key="used" at={key.lastUsedAt} />,
                <span key="made">
                  <TimeText at={key.createdAt} />
                  {key.createdBy === null ? "" : ` by ${key.createdBy}`}
                </span>,
              ]}
              empty={<EmptyNote title="There is no key" command="npx hsafa keys create ci --scope runs:write" />}
            />
          )}
          {tab === "tenants" && (
            <List
              name="tenants"
              head={["state", "name", "id", "made"]}
              read={(page, signal) => operator.tenants.list(page, { signal })}
              row={(tenant: Tenant) => [
                <StatusLabel
                  key="state"
                  words={
                    tenant.disabledAt === null
                      ? { word: "served", tone: "completed" }
                      : { word: "disabled", tone: "canceled" }
                  }
                />,
                <b key="name">{tenant.name}</b>,
                <code key="id">{tenant.id}</code>,
                <TimeText key="made" at={tenant.createdAt} />,
              ]}
              empty={<EmptyNote title="There is no tenant" />}
            />
          )}
        </TabPanel>
      </TabProvider>
    </>
  );
}

interface Pages<Item> {
  readonly data: readonly Item[];
  readonly nextCursor: string | null;
}

/** A list as a table, newest first, with more of it on demand. */
function List<Item extends { readonly id: string }>(props: {
  readonly name: AccessTab;
  readonly head: readonly string[];
  readonly read: (
    page: { readonly limit: number; readonly cursor?: string },
    signal: AbortSignal,
  ) => Promise<Pages<Item>>;
  readonly row: (item: Item) => readonly ReactNode[];
  readonly empty: ReactNode;
}) {
  const { name, head, read, row, empty } = props;
  const pages = useInfiniteQuery({
    queryKey: ["access", name],
    queryFn: ({ pageParam, signal }) =>
      read({ limit: LIST_PAGE_ITEMS, ...(pageParam === null ? {} : { cursor: pageParam }) }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: ({ nextCursor }) => nextCursor,
  });
  const items = pages.data?.pages.flatMap(({ data }) => data) ?? [];
  const error = useStandingError(name, pages);
  if (error !== null) return <FailureNote title={`${WORDS[name]}: not for this key`} error={error} />;
  if (pages.isPending) return null;
  if (items.length === 0) return empty;
  return (
    <div className={styles.scroller} tabIndex={0} role="region" aria-label={WORDS[name]}>
      <table className={styles.table}>
        <thead>
          <tr>
            {head.map((one) => (
              <th key={one} scope="col">
                {one}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <tr key={item.id}>
              {row(item).map((cell, index) => (
                <td key={index}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {pages.hasNextPage && (
        <button type="button" className={styles.more} onClick={() => void pages.fetchNextPage()}>
          Show more
        </button>
      )}
    </div>
  );
}
