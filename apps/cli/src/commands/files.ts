import { createWriteStream } from "node:fs";
import { rm as removeFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { PageQuery, StoredFile } from "@hsafa/protocol";
import { CliCommand } from "../cli-command.ts";
import { CliError } from "../cli-error.ts";
import { connectFiles } from "../connect.ts";
import { readCount } from "../read-count.ts";
import { reportList } from "../report-list.ts";
import { own, type Shown } from "../shown.ts";
import { report } from "../terminal.ts";
import { uploadPath } from "../upload-path.ts";

interface UploadOptions {
  readonly type?: string;
  readonly subject?: string;
  readonly json?: true;
}

interface ListOptions {
  readonly subject?: string;
  readonly limit: number;
  readonly json?: true;
}

const upload = new CliCommand("upload")
  .description("upload a file that messages can name by its id")
  .argument("<path>", "a file of this machine, 32 MiB at most")
  .option("--type <media-type>", "what it is, such as image/jpeg; its bytes tell if left out")
  .option("--subject <subject>", "the user of the tenant whose file it is")
  .printsJson("the file, as POST /api/files has it,")
  .example("files upload photo.jpg", "prints the id of the file")
  .action(async (path: string, { type, subject, json }: UploadOptions) => {
    const more = { ...(type === undefined ? {} : { mediaType: type }), ...(subject === undefined ? {} : { subject }) };
    const file = await uploadPath(connectFiles(), path, more);
    report(json, file, fileLine(file));
  });

const list = new CliCommand("list")
  .description("list the files, newest first")
  .option("--subject <subject>", "of this user of the tenant only")
  .option("--limit <count>", "how many files; 1 or more", readCount, 50)
  .printsJson("files, as GET /api/files has them,")
  .example("files list", "lists id, type, size and name of each file")
  .action(async ({ subject, limit, json }: ListOptions) => {
    const files = connectFiles();
    const read = (query: PageQuery) => files.list({ ...query, ...(subject === undefined ? {} : { subject }) });
    await reportList({ read, limit, asJson: json, shownOf: fileLine });
  });

const download = new CliCommand("download")
  .description("save a file on this machine")
  .argument("<fileId>")
  .argument("<path>", "where to save it; a file that is there is not replaced")
  .printsJson("fileId and path")
  .example("files download 01890a5d-ac96-774b-bcce-b302099a8057 photo.jpg", "saves it as photo.jpg")
  .action(async (fileId: string, path: string, { json }: { readonly json?: true }) => {
    const { body } = await connectFiles().download(fileId);
    const content = Readable.fromWeb(body ?? new Blob([]).stream());
    await save(content, path);
    report(json, { fileId, path }, own`saved: ${path}`);
  });

const rm = new CliCommand("rm")
  .description("delete a file; runs that use it go on without it")
  .argument("<fileId>")
  .printsJson("fileId")
  .example("files rm 01890a5d-ac96-774b-bcce-b302099a8057", "frees its room")
  .action(async (fileId: string, { json }: { readonly json?: true }) => {
    await connectFiles().delete(fileId);
    report(json, { fileId }, own`deleted: ${fileId}`);
  });

export const files = new CliCommand("files")
  .example("files upload photo.jpg", "prints the id of the file")
  .addCommand(upload)
  .addCommand(list)
  .addCommand(download)
  .addCommand(rm);

/** Saves a whole file, or nothing. */
async function save(content: Readable, path: string): Promise<void> {
  try {
    await pipeline(content, createWriteStream(path, { flags: "wx" }));
  } catch (error) {
    const isThere = error instanceof Error && "code" in error && error.code === "EEXIST";
    if (isThere) throw new CliError(own`${path} is there already; save the file elsewhere.`);
    await removeFile(path, { force: true });
    throw error;
  }
}

function fileLine({ id, mediaType, size, filename, subject }: StoredFile): Shown {
  const whose = subject === null ? own`` : own`  of ${subject}`;
  return own`${id}  ${mediaType}  ${size} bytes${filename === null ? own`` : own`  ${filename}`}${whose}`;
}
