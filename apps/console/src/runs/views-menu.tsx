import { Dialog, DialogDismiss, DialogHeading, Menu, MenuButton, MenuItem, MenuProvider } from "@ariakit/react";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import acts from "../actions/actions.module.css";
import styles from "../actions/copy-as.module.css";
import { type RunFilters, writeFilters } from "./run-filters.ts";
import { readViews, type SavedView, withoutView, withView } from "./saved-views.ts";

const KEY = "hsafa.console.views";

/** The views that a person has saved in this browser, and what saves another one. */
export function ViewsMenu({ filters }: { readonly filters: RunFilters }) {
  const navigate = useNavigate();
  const [views, setViews] = useState(() => readViews(localStorage.getItem(KEY)));
  const [isNaming, setNaming] = useState(false);
  const [name, setName] = useState("");
  const keep = (next: readonly SavedView[]): void => {
    setViews([...next]);
    localStorage.setItem(KEY, JSON.stringify(next));
  };
  const shown = writeFilters(filters);
  const known = views.find((view) => writeFilters(view.filters) === shown);
  function submit(event: FormEvent): void {
    event.preventDefault();
    keep(withView(views, { name, filters }));
    setNaming(false);
    setName("");
  }
  return (
    <>
      <MenuProvider>
        <MenuButton className={styles.button}>{known === undefined ? "Views" : `View: ${known.name}`}</MenuButton>
        <Menu className={styles.menu} gutter={4} portal>
          {views.map((view) => (
            <MenuItem
              key={view.name}
              className={styles.item}
              onClick={() => void navigate({ to: "/runs", search: view.filters })}
            >
              {view.name}
            </MenuItem>
          ))}
          {known === undefined && shown !== "" && (
            <MenuItem className={styles.item} onClick={() => setNaming(true)}>
              Save this view…
            </MenuItem>
          )}
          {known !== undefined && (
            <MenuItem className={styles.item} onClick={() => keep(withoutView(views, known.name))}>
              Forget “{known.name}”
            </MenuItem>
          )}
          {views.length === 0 && shown === "" && (
            <MenuItem className={styles.item} disabled>
              Filter the list, then save it here
            </MenuItem>
          )}
        </Menu>
      </MenuProvider>
      <Dialog
        open={isNaming}
        onClose={() => setNaming(false)}
        className={acts.dialog}
        backdrop={<div className={acts.backdrop} />}
      >
        <form onSubmit={submit}>
          <DialogHeading>Save this view</DialogHeading>
          <p>
            <code>{shown}</code> It is kept in this browser.
          </p>
          <label htmlFor="view-name">Name</label>
          <input
            id="view-name"
            value={name}
            autoFocus
            autoComplete="off"
            onChange={({ target }) => setName(target.value)}
          />
          <div className={acts.row}>
            <button type="submit" className={acts.main} disabled={name.trim() === ""}>
              Save
            </button>
            <DialogDismiss className={acts.button}>Back</DialogDismiss>
          </div>
        </form>
      </Dialog>
    </>
  );
}
