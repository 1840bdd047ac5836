/** Connections through a proxy. Loaded when there is one. */
import type { Agent, ClientRequest } from "node:http";
import type { Socket } from "node:net";
import { HttpProxyAgent } from "http-proxy-agent";
import { HttpsProxyAgent } from "https-proxy-agent";

interface AgentOptions {
  readonly keepAlive: boolean;
  readonly timeout: number;
}

type Connect = HttpsProxyAgent<string>["connect"];
type PlainRequest = Parameters<HttpProxyAgent<string>["connect"]>[0];
type ConnectOptions = Parameters<Connect>[1];

/** For URLs of `https:` a tunnel, for those of `http:` the proxy asks itself. */
export function proxyAgent(proxy: URL, protocol: string, options: AgentOptions): Agent {
  const bare = new URL(proxy);
  bare.username = "";
  bare.password = "";
  const headers = passwordHeader(proxy);
  const settings = { ...options, headers };
  return protocol === "https:" ? new Tunnels(bare, settings) : new Requests(bare, settings);
}

/** Not left in the URL: the libraries show that to whoever sets DEBUG. */
function passwordHeader({ username, password }: URL): Record<string, string> {
  if (username === "" && password === "") return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { "Proxy-Authorization": `Basic ${Buffer.from(pair).toString("base64")}` };
}

/** Connecting can be given up: a proxy that never answers would keep this process alive. */
class Tunnels extends HttpsProxyAgent<string> {
  override async connect(request: ClientRequest, options: ConnectOptions): Promise<Socket> {
    return withSignal(this, options, () => super.connect(request, options));
  }
}

class Requests extends HttpProxyAgent<string> {
  override async connect(request: PlainRequest, options: ConnectOptions): Promise<Socket> {
    return withSignal(this, options, () => super.connect(request, options));
  }
}

/** `connect` takes the options of its socket at once, before it waits for anything. */
async function withSignal(
  agent: { connectOpts: object },
  options: object,
  connect: () => Promise<Socket>,
): Promise<Socket> {
  const before = agent.connectOpts;
  const signal: unknown = Reflect.get(options, "giveUp");
  agent.connectOpts = { ...before, signal };
  const connecting = connect();
  agent.connectOpts = before;
  return connecting;
}
