import { expect, it } from "vitest";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { requireRegistry, startRegistry } from "../helpers/registry.ts";

requireRegistry();
expectNothingLeft();

it("starts a registry that tells what it was asked", async () => {
  const registry = await startRegistry();

  const answer = await fetch(`${registry.url}/v2/`);

  expect(answer.status).toBe(200);
  expect(await registry.requests()).toMatchObject([{ method: "GET", path: "/v2/", status: 200 }]);
});

it("starts one that asks for a password", async () => {
  const registry = await startRegistry({ auth: { users: { ana: "a secret word" } } });
  const ask = async (password: string) => {
    const authorization = `Basic ${Buffer.from(`ana:${password}`).toString("base64")}`;
    return (await fetch(`${registry.url}/v2/`, { headers: { authorization } })).status;
  };

  expect(await ask("a secret word")).toBe(200);
  expect(await ask("another")).toBe(401);
});

it("starts one again on the same port over the same storage", async () => {
  const first = await startRegistry();
  await first.stop();

  const second = await startRegistry({ port: first.port, storage: first.storage });

  expect(second.url).toBe(first.url);
});
