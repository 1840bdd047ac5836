/**
 * Templates beside Podman's, which has Go's own engine: the same image, the same text. Left out: `$`
 * and `define`, for Podman puts a loop of its own around what it is given.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { InspectFormat } from "../../lib/cli/inspect-format.ts";
import type { ImageInspection } from "../../lib/engine/inspect-image.ts";
import { requirePodman } from "../helpers/compared.ts";
import { testEngine } from "../helpers/engine.ts";
import { busyboxWith } from "../helpers/images.ts";
import { expectNothingLeft } from "../helpers/nothing-left.ts";
import { type Podman, openPodman } from "../helpers/podman.ts";

const IMAGE = "localhost/shown:latest";
const ARCHIVE = busyboxWith({
  name: IMAGE,
  config: {
    Env: ["PATH=/bin", "WORDS=a b"],
    Entrypoint: ["/bin/sh", "-c"],
    Cmd: ['echo <&> "quoted"'],
    Labels: { "org.example.part": "web", a: "1", empty: "" },
    ExposedPorts: { "80/tcp": {}, "53/udp": {} },
    WorkingDir: "/srv",
    User: "7:8",
  },
});

const able = requirePodman();

describe("a template beside Podman's", () => {
  expectNothingLeft();

  let podman: Podman;
  let image: ImageInspection;

  beforeAll(async () => {
    if (!able) return;
    const engine = await testEngine();
    await engine.images.load(ARCHIVE);
    image = await engine.images.inspect(IMAGE);
    podman = await openPodman();
    podman.podman("load", "--quiet", "--input", ARCHIVE);
  });

  it
    .runIf(able)
    .each([
      "{{.Architecture}}/{{.Os}} {{.RepoTags}} {{index .RepoTags 0}}",
      "{{.Config.Env}} {{.Config.Entrypoint}} {{.Config.Cmd}} {{.Config.User}} {{.Config.WorkingDir}}",
      "{{range .Config.Env}}[{{.}}]{{end}}{{range $i, $e := .Config.Env}} {{$i}}={{$e}}{{end}}",
      "{{.Config.Labels}} {{json .Config.Labels}} {{len .Config.Labels}}",
      '{{index .Config.Labels "org.example.part"}}|{{.Config.Labels.a}}|{{index .Config.Labels "no"}}|{{.Config.Labels.no}}',
      "{{range $key, $value := .Config.Labels}}{{$key}}={{$value}};{{end}}",
      "{{.Config.ExposedPorts}} {{json .Config.ExposedPorts}}{{range $p, $_ := .Config.ExposedPorts}} {{$p}}{{end}}",
      '{{join .Config.Env ", "}} {{(split "a:b" ":")}} {{upper .Os}} {{title .Os}} {{lower "ABC"}}',
      "{{json .Config.Cmd}} {{pad .Os 2 3}}| {{truncate .Os 3}}",
      "{{len .RootFS.Layers}} {{.RootFS.Type}} {{.RootFS.Layers}}",
      '{{if .Config.Entrypoint}}yes{{else}}no{{end}} {{if eq .Os "linux" "plan9"}}ok{{end}} {{and .Os .Comment}}|{{or .Comment .Os}}',
      '{{printf "%-8s|%8s|%q|%v|%d" .Os .Os .Os .Config.Env (len .Config.Env)}}',
      "{{with .Config.User}}{{.}}{{end}} {{with .Comment}}{{.}}{{else}}silent{{end}}",
      "{{$n := len .Config.Env}}{{if gt $n 1}}{{$n = 9}}{{end}}{{$n}} {{- /* none */ -}} !",
      '{{.Os | printf "%T"}} {{.Author}}|{{.Comment}}|{{.Parent}}|',
      "{{slice .Os 1 3}} {{index .Config.Env 1 | html}} {{js (index .Config.Cmd 0)}} {{urlquery (index .Config.Env 1)}}",
    ])("prints the same: %s", (template) => {
    const theirs = podman.podman("image", "inspect", "--format", template, IMAGE);

    expect(new InspectFormat(template).format(image)).toBe(theirs);
  });
});
