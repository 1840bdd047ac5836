/** docker-registry on loopback, over a storage of its own, and images put into it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  createReadStream,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { setTimeout } from "node:timers/promises";

const LONGEST_START_MS = 20_000;

/** `{ host, manifestRequests(), stop() }`; throws where docker-registry is not installed. */
export async function startRegistry(folder) {
  const storage = join(folder, "storage");
  const config = join(folder, "registry.yml");
  const log = join(folder, "registry.log");
  // YAML is a superset of JSON.
  const settings = {
    version: "0.1",
    log: { level: "info", accesslog: { disabled: false } },
    storage: { filesystem: { rootdirectory: storage } },
    http: { addr: "127.0.0.1:0", secret: "of no use to anybody" },
  };
  writeFileSync(config, JSON.stringify(settings));
  const fd = openSync(log, "a");
  const child = spawn("docker-registry", ["serve", config], { stdio: ["ignore", fd, fd] });
  closeSync(fd);
  await once(child, "spawn");
  const ended = once(child, "exit");
  const host = await hostIn(log, child);
  return {
    host,
    /** Lines of its log so far that ask for manifests: `HEAD`, `GET`. */
    manifestRequests: () =>
      [...readFileSync(log, "utf8").matchAll(/"(GET|HEAD) \/v2\/\S+\/manifests\//g)].map(
        ([, method]) => method,
      ),
    async stop() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

async function hostIn(log, child) {
  const deadline = performance.now() + LONGEST_START_MS;
  while (performance.now() < deadline && child.exitCode === null) {
    const port = /listening on 127\.0\.0\.1:(\d+)/.exec(readFileSync(log, "utf8"))?.[1];
    if (port !== undefined) return `127.0.0.1:${port}`;
    await setTimeout(10);
  }
  child.kill("SIGKILL");
  throw new Error(`docker-registry does not start:\n${readFileSync(log, "utf8")}`);
}

/** The only image of an OCI layout, as `name:latest`. */
export async function pushLayout(host, name, layout) {
  const blobOf = (digest) => join(layout, "blobs/sha256", digest.slice("sha256:".length));
  const [entry] = JSON.parse(readFileSync(join(layout, "index.json"), "utf8")).manifests;
  const manifest = readFileSync(blobOf(entry.digest));
  const { config, layers } = JSON.parse(manifest);
  for (const { digest } of [config, ...layers]) {
    const path = blobOf(digest);
    const { location } = await send("POST", `http://${host}/v2/${name}/blobs/uploads/`);
    const to = new URL(location);
    to.searchParams.set("digest", digest);
    await send("PUT", to, { body: createReadStream(path), size: statSync(path).size });
  }
  await send("PUT", `http://${host}/v2/${name}/manifests/latest`, {
    body: [manifest],
    size: manifest.length,
    type: entry.mediaType,
  });
}

async function send(method, url, { body = [], size = 0, type = "application/octet-stream" } = {}) {
  const headers = { "content-length": size, "content-type": type };
  const asking = request(url, { method, headers });
  const answering = once(asking, "response");
  await pipeline(body, asking);
  const [answer] = await answering;
  answer.resume();
  await once(answer, "end");
  if (answer.statusCode >= 300) throw new Error(`${method} ${url}: ${answer.statusCode}`);
  return answer.headers;
}
