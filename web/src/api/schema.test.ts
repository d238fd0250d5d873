import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

test("the generated types are those of openapi.json (`npm run api` writes them)", () => {
  const generated = execFileSync("node_modules/.bin/openapi-typescript", ["openapi.json"], { encoding: "utf8" });
  expect(readFileSync("src/api/schema.gen.ts", "utf8")).toBe(generated);
}, 60_000);
