import { expect, test } from "vitest";
import { isCredentialName } from "./is-credential-name.ts";

test.each([
  "Authorization",
  "proxy-authorization",
  "Cookie",
  "x-api-key",
  "X-Goog-Api-Key",
  "api_key",
  "apikey",
  "apiKey",
  "key",
  "access_token",
  "accessToken",
  "X-Auth-Token",
  "token",
  "client_secret",
  "clientSecret",
  "password",
  "sig",
  "X-Amz-Signature",
  "PRIVATE-TOKEN",
  "sessionid",
])("%s names a credential", (name) => {
  expect(isCredentialName(name)).toBe(true);
});

test.each([
  "accept",
  "content-type",
  "x-tenant",
  "idempotency-key",
  "monkey",
  "author",
  "units",
  "page_token",
  "design",
])("%s names none", (name) => {
  expect(isCredentialName(name)).toBe(false);
});
