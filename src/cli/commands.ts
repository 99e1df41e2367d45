/** Every command as a value: its words for the help, and where its code is. Nothing of a command is loaded before it runs. */
import type { CommandName } from './command-names.ts'
import type { CommandContext } from './context.ts'

/** Resolves to the exit code; throws an InterceptError to be shown. */
export type Run = (context: CommandContext) => Promise<number>

export interface CommandSpec {
  readonly summary: string
  readonly usage: readonly string[]
  readonly about: readonly string[]
  readonly examples: readonly { readonly command: string; readonly summary: string }[]
  readonly load: () => Promise<{ run: Run }>
}

export const COMMANDS: Readonly<Record<CommandName, CommandSpec>> = {
  intercept: {
    summary: 'Bring the visitors of a service behind a gost tunnel to this laptop',
    usage: [
      'kubectl intercept TARGET... [--port [NAME=]LOCAL[:REMOTE]]... [flags]',
      'kubectl intercept TARGET [flags] -- COMMAND [ARGS...]',
      'kubectl intercept --all [-A] [-l SELECTOR] [flags]'
    ],
    about: [
      'TARGET is svc/x, deploy/x, sts/x, ds/x, rs/x, pod/x, ing/x, or a bare name, which may be an intercept of .kubectl-intercept.yaml. Ctrl-C gives the visitors back and checks that the cluster serves them again; a second Ctrl-C leaves at once. Nothing in the cluster is changed, but a Lease says who intercepts what.'
    ],
    examples: [
      { command: 'kubectl intercept svc/nginx --port 8080', summary: 'visitors of nginx reach port 8080 here' },
      { command: 'kubectl intercept svc/nginx --port 8080 --split 50%', summary: 'half of them' },
      { command: 'kubectl intercept svc/nginx --dry-run', summary: 'only show what would be done' },
      { command: 'kubectl intercept web cart --port web=3000 --port cart=localhost:8081', summary: 'two targets' },
      {
        command: 'kubectl intercept svc/nginx --port 3000 -- npm start',
        summary: "an app here with the pod's environment and the cluster's names"
      },
      { command: 'kubectl intercept --all', summary: 'every tunnel of the namespace' },
      {
        command: 'kubectl intercept --tunnel-server ws://203.0.113.7/proxy --tunnel-id @id.txt --port 8080',
        summary: 'without access to the cluster'
      }
    ],
    load: () => import('./commands/intercept.ts')
  },
  list: {
    summary: 'Show what can be intercepted, what passes its tunnel and what does not',
    usage: ['kubectl intercept list [-A] [-l SELECTOR] [-o wide|json|yaml|name] [-w]'],
    about: [
      'Sessions of this user on this machine are marked in the column INTERCEPT. Direct callers of a Service do not pass the tunnel: `-o wide` names them.'
    ],
    examples: [
      { command: 'kubectl intercept list', summary: 'tunnels of the current namespace' },
      { command: 'kubectl intercept list -A -o wide', summary: 'everywhere, with servers and pods' },
      { command: 'kubectl intercept list -o name', summary: 'one target per line, for scripts' }
    ],
    load: () => import('./commands/list.ts')
  },
  set: {
    summary: 'Change a running session: its share, its filter, or hold it for a while',
    usage: ['kubectl intercept set [TARGET...|PID...] weight=N | split=PERCENT | filter=EXPRESSION | hold | release'],
    about: [
      'hold gives the visitors back and keeps the session; release takes them again. Without a target the only running session is meant. The screen has keys for the same: + - w and Space.'
    ],
    examples: [
      { command: 'kubectl intercept set nginx weight=1', summary: 'share with the sidecars' },
      { command: 'kubectl intercept set split=50%', summary: 'half of the visitors' },
      { command: "kubectl intercept set nginx filter='header.x-user:ada'", summary: 'only what matches; filter= is everything again' },
      { command: 'kubectl intercept set hold', summary: 'the cluster serves until `release`' }
    ],
    load: () => import('./commands/set.ts')
  },
  leave: {
    summary: "End this user's sessions on this machine",
    usage: ['kubectl intercept leave [TARGET...|PID...|--all]'],
    about: [
      'Running requests finish first. A name means the session that intercepts it in the cluster and namespace of the flags and the kubeconfig, a pid means any. Without a word the only session that intercepts ends; with several, name a target, or the pid of a session, or write --all. `env --mount` and `access` end by Ctrl-C where they run, by their pid (kubectl intercept list), or with --all. Files that a crashed session left (env --mount) are removed too.'
    ],
    examples: [
      { command: 'kubectl intercept leave', summary: 'end the running session' },
      { command: 'kubectl intercept leave svc/nginx', summary: 'give one target back' },
      { command: 'kubectl intercept leave --all', summary: 'end all sessions' }
    ],
    load: () => import('./commands/leave.ts')
  },
  replay: {
    summary: 'Send recorded requests again, and compare the answers',
    usage: ['kubectl intercept replay FILE [--to URL] [--filter EXPRESSION] [--diff] [--set-header "NAME: VALUE"]...'],
    about: [
      'FILE is a recording of ours (--record, or x on the screen) or a HAR file of a browser. Requests go one after the other, in the order of the recording, to the local app that it names, or to --to. With --diff the exit code is 1 when an answer differs, or when a request was not sent because the recording hides a value of it.'
    ],
    examples: [
      { command: 'kubectl intercept replay traffic.har --to http://localhost:8080 --diff', summary: 'a regression test from real traffic' },
      { command: 'kubectl intercept replay traffic.har --filter status:5xx', summary: 'only what failed' },
      {
        command: "kubectl intercept replay traffic.har --set-header 'Authorization: Bearer TOKEN'",
        summary: 'with a value that the recording hides'
      }
    ],
    load: () => import('./commands/replay.ts')
  },
  env: {
    summary: "Print or write the environment of a target's container",
    usage: [
      'kubectl intercept env TARGET [-c CONTAINER] [-o dotenv|docker|compose|sh|csh|cmd|ps|json|wide] [--redact]',
      'kubectl intercept env TARGET [--env-file FILE [--env-syntax SYNTAX]] [--env-json FILE]',
      'kubectl intercept env TARGET --mount DIR [--mount NAME|PATH[:LOCAL]]...'
    ],
    about: [
      'What the kubelet sets (literals, fields, resources, ConfigMaps, Secrets, service links) and, where exec into the container is allowed, what its image sets. Exit status 1: something is missing, named on stderr. Files are readable by you only.',
      'With --mount the files of its volumes are in DIR until Ctrl-C, and the environment is printed only with -o.'
    ],
    examples: [
      { command: 'kubectl intercept env svc/nginx', summary: 'as a .env file' },
      { command: 'eval "$(kubectl intercept env svc/nginx -o sh)"', summary: 'into this shell' },
      { command: 'kubectl intercept env svc/nginx --env-file app.env --env-syntax docker', summary: 'for docker run --env-file app.env' },
      { command: 'kubectl intercept env deploy/nginx -c app -o wide', summary: 'where each variable comes from' },
      { command: 'kubectl intercept env svc/nginx --redact', summary: 'to show to others' },
      { command: 'kubectl intercept env svc/nginx --mount ./pod', summary: 'its ConfigMaps, Secrets and token as files, until Ctrl-C' }
    ],
    load: () => import('./commands/env.ts')
  },
  access: {
    summary: 'Reach the services of the cluster by their names, from this machine',
    usage: ['kubectl intercept access [--forward [LOCAL:]TARGET:PORT]... [--listen PORT] [--via-pod POD] [-- COMMAND ARGS...]'],
    about: [
      'Opens a SOCKS5 and HTTP proxy on 127.0.0.1 that resolves names as a pod of the namespace does (x, x.ns, x.ns.svc.cluster.local, pods of StatefulSets, addresses) and reaches them by port-forward to ready pods; other hosts are dialled from this machine. COMMAND gets HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, and its exit status is ours; without one the lines to export are printed, and it runs until Ctrl-C. TCP only.'
    ],
    examples: [
      { command: 'kubectl intercept access -- curl http://cart/health', summary: 'one command' },
      { command: 'kubectl intercept access -n shop -- npm start', summary: 'an app that talks to its services' },
      { command: 'kubectl intercept access --forward 5432:svc/db:5432', summary: 'a port for programs that know no proxy' },
      { command: 'kubectl intercept access --forward svc/db:5432 -- psql -h 127.0.0.1', summary: 'and such a program' }
    ],
    load: () => import('./commands/access.ts')
  },
  demo: {
    summary: 'Show the whole thing on this machine, without a cluster',
    usage: ['kubectl intercept demo [--keep] [-o plain|json|tui]'],
    about: ['Starts a tunnel server, a sidecar with a small app and some visitors on loopback, and intercepts them.'],
    examples: [
      { command: 'kubectl intercept demo', summary: 'watch it work; Ctrl-C ends it' },
      { command: 'kubectl intercept demo -o tui', summary: 'try the screen' }
    ],
    load: () => import('./commands/demo.ts')
  },
  version: {
    summary: 'Print the version',
    usage: ['kubectl intercept version [-o json|yaml]'],
    about: [],
    examples: [{ command: 'kubectl intercept version -o json', summary: 'for scripts and bug reports' }],
    load: () => import('./commands/version.ts')
  },
  help: {
    summary: 'Help for a command',
    usage: ['kubectl intercept help [COMMAND]'],
    about: [],
    examples: [{ command: 'kubectl intercept help list', summary: 'the same as `kubectl intercept list --help`' }],
    load: () => import('./commands/help.ts')
  },
  server: {
    summary: "Run the tunnel server, in place of gost's",
    usage: ["kubectl intercept server -L 'tunnel+ws://:8421?entrypoint=:80&tunnel=HOST:UUID&path=/proxy'"],
    about: ["Takes gost's own flags (-L, -F, -C, -D) and URL grammar, so that a manifest changes its image only; beside them our own:"],
    examples: [
      {
        command: "kubectl intercept server -L 'tunnel+ws://:8421?entrypoint=:8080&path=/proxy'",
        summary: 'a server on this machine'
      },
      {
        command: "kubectl intercept server --check -L 'tunnel+ws://:8421?entrypoint=:8080&path=/proxy'",
        summary: 'only say what would be done'
      }
    ],
    load: () => import('./commands/server.ts')
  },
  sidecar: {
    summary: "Run the connector next to an app, in place of gost's",
    usage: ["kubectl intercept sidecar -L rtcp://:0/:80 -F 'tunnel+ws://SERVER:8421?tunnel.id=UUID&path=/proxy'"],
    about: ["Takes gost's own flags (-L, -F, -C, -D) and URL grammar, so that a manifest changes its image only; beside them our own:"],
    examples: [
      {
        command: "kubectl intercept sidecar -L rtcp://:0/:3000 -F 'tunnel+ws://localhost:8421?tunnel.id=UUID&path=/proxy'",
        summary: 'serve port 3000 through a server on this machine'
      }
    ],
    load: () => import('./commands/sidecar.ts')
  }
}
