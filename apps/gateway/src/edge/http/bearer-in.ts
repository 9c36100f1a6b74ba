/** The credential in the value of an `Authorization` header; null if there is none. */
export function bearerIn(authorization: string | undefined): string | null {
  return /^Bearer +([\x21-\x7e]+) *$/i.exec(authorization ?? "")?.[1] ?? null;
}
