import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { type DragEvent, useEffect, useMemo, useState } from "react";
import { KeyboardHelp } from "../frame/keyboard-help.tsx";
import { listenToKeys, useKeys } from "../frame/keys.ts";
import { NavIcon } from "../frame/nav-icon.tsx";
import { FILE_BYTES_MAX } from "../limits.ts";
import { usePreferences } from "../preferences.tsx";
import type { RunFeed } from "../run/record/run-feed.ts";
import { type ReadRunFile, readRunFile } from "../run/file/run-file.ts";
import { ShownRun } from "../run/shown-run.tsx";
import { fullTime } from "../words/clock-time.ts";
import { count, grouped } from "../words/count.ts";
import { FileBoundary } from "./file-boundary.tsx";
import styles from "./open-page.module.css";

type Opened = { readonly name: string } & (ReadRunFile | { readonly kind: "reading" });

/** Shows a run from a file. It asks no gateway for anything, so nobody needs to be signed in. */
export function OpenPage() {
  const [opened, setOpened] = useState<Opened | null>(null);
  const [isOver, setOver] = useState(false);
  const [isHelpOpen, setHelpOpen] = useState(false);
  useEffect(listenToKeys, []);
  // Once the page is there it needs no gateway any more, so it loads this beforehand.
  useEffect(() => void import("../run/transcript/markdown-block.tsx").catch(() => {}), []);
  useKeys("Everywhere", [{ keys: "?", does: "show the keys of this page", run: () => setHelpOpen(true) }]);

  async function take(file: File | undefined): Promise<void> {
    if (file === undefined) return;
    const { name, size } = file;
    if (size > FILE_BYTES_MAX) {
      const message = `It has ${grouped(Math.ceil(size / 2 ** 20))} MiB, and ${FILE_BYTES_MAX / 2 ** 20} MiB are read.`;
      setOpened({ name, kind: "fault", message });
      return;
    }
    setOpened({ name, kind: "reading" });
    try {
      setOpened({ name, ...readRunFile(await file.text()) });
    } catch {
      setOpened({ name, kind: "fault", message: "The browser could not read it. Was it moved or deleted?" });
    }
  }

  function onDrop(event: DragEvent): void {
    event.preventDefault();
    setOver(false);
    void take(event.dataTransfer.files[0]);
  }

  return (
    <div
      className={`${styles.frame} ${isOver ? styles.over : ""}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={onDrop}
    >
      <header className={styles.top}>
        <Link to="/runs" search={{}} className={styles.brand} aria-label="hsafa, the console">
          <NavIcon name="mark" />
          <span>hsafa</span>
        </Link>
        <p className={styles.told} role="status">
          <Told opened={opened} />
        </p>
        {opened?.kind === "run" && <FileField label="Open another file" onFile={(file) => void take(file)} />}
      </header>
      <main className={styles.page} tabIndex={-1}>
        {opened?.kind === "run" ? (
          <FileBoundary key={opened.file.exportedAt + opened.file.run.id} name={opened.name}>
            <FileRun opened={opened} />
          </FileBoundary>
        ) : (
          <div className={styles.empty}>
            <h1>Open a run from a file</h1>
            <p>
              Drop a file here that <b>Export</b> of a run's page has made. It is read in this browser, and is sent
              nowhere.
            </p>
            <FileField label="Choose a file" onFile={(file) => void take(file)} />
            {opened?.kind === "fault" && (
              <div role="alert" className={styles.fault}>
                <h2>{opened.name} could not be opened</h2>
                <p>{opened.message}</p>
              </div>
            )}
          </div>
        )}
      </main>
      {isHelpOpen && <KeyboardHelp onClose={() => setHelpOpen(false)} />}
    </div>
  );
}

function Told({ opened }: { readonly opened: Opened | null }) {
  const { zone } = usePreferences();
  if (opened === null || opened.kind === "fault") return null;
  if (opened.kind === "reading") return `${opened.name} is being read…`;
  const { exportedAt, deltasLeftOut } = opened.file;
  const left = deltasLeftOut > 0 ? ` ${count(deltasLeftOut, "delta")} are not in it.` : "";
  return `${opened.name}, saved ${fullTime(exportedAt, zone)}.${left}`;
}

function FileField({ label, onFile }: { readonly label: string; readonly onFile: (file: File | undefined) => void }) {
  return (
    <label className={styles.choose}>
      {label}
      <input
        type="file"
        accept="application/json,.json"
        className="unseen"
        onChange={({ target }) => {
          onFile(target.files?.[0]);
          // The same file may be chosen again after it was changed.
          target.value = "";
        }}
      />
    </label>
  );
}

function FileRun({ opened }: { readonly opened: Extract<ReadRunFile, { kind: "run" }> }) {
  const { file, record } = opened;
  const search = useSearch({ from: "/open" });
  const navigate = useNavigate({ from: "/open" });
  const feed = useMemo<RunFeed>(() => {
    const snapshot = { run: file.run, record, version: 1, link: { kind: "ended" } } as const;
    return {
      subscribe: () => () => {},
      getSnapshot: () => snapshot,
      // All that there is was read.
      readDeltas() {},
      readAround() {},
      close() {},
    };
  }, [file, record]);
  return (
    <ShownRun
      isFile
      feed={feed}
      snapshot={feed.getSnapshot()}
      calls={{ calls: file.calls, hasMore: false }}
      search={search}
      onSearch={(change) => void navigate({ search: (before) => ({ ...before, ...change }), replace: true })}
    />
  );
}
