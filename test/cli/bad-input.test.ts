import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { InterceptError } from '../../src/base/errors.ts'
import type { Parts } from '../../src/cli/parts.ts'
import { runCli } from './run-cli.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cli-'))
  await writeFile(path.join(folder, 'broken.yaml'), 'clusters: [')
  await writeFile(path.join(folder, 'id.txt'), 'not-an-id')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** What was typed → the exit code, and what the sentence and the hint must hold. */
const CASES: readonly (readonly [line: string, code: number, sentence: RegExp, hint: RegExp])[] = [
  ['svc/nginx --frobnicate', 2, /does not know the flag "--frobnicate"/, /kubectl intercept --help/],
  ['svc/nginx --prot 8080', 2, /"--prot"/, /did you mean --port\?/],
  ['list --wtach', 2, /kubectl intercept list does not know/, /did you mean --watch\?/],
  ['svc/nginx --port eighty', 2, /eighty is no port/, /--port 8080/],
  ['svc/nginx --port 70000', 2, /70000 is no port/, /kubectl intercept TARGET --port/],
  ['svc/nginx --port', 2, /--port needs a value/, /--port \[NAME=\]LOCAL/],
  ['svc/nginx --weight 0', 2, /--weight must be a whole number from 1 to 255, not "0"/, /--weight 255/],
  ['svc/nginx --weight 256', 2, /not "256"/, /--weight 255/],
  ['svc/nginx --weight 300', 2, /not "300"/, /--weight 255/],
  ['svc/nginx --weight 2.5', 2, /not "2.5"/, /--weight 255/],
  ['svc/nginx --split 0', 2, /--split must be a percentage from 1 to 100, not "0"/, /--split 25%/],
  ['svc/nginx --split 101', 2, /not "101"/, /--split 25%/],
  ['svc/nginx --split 0.25', 2, /not "0.25"/, /--split 25%/],
  ['svc/nginx --weight 2 --split 25', 2, /--weight and --split/, /kubectl intercept svc\/nginx --split 25%/],
  ['--tunnel-server ws://h --tunnel-id 123', 2, /--tunnel-id is not a UUID/, /kubectl intercept list/],
  ['--tunnel-server ws://h --tunnel-id @id.txt', 2, /--tunnel-id is not a UUID/, /kubectl intercept list/],
  ['--tunnel-server ws://h --tunnel-id @absent', 2, /"absent" cannot be read \(ENOENT\)/, /ls -l absent/],
  ['--tunnel-server ws://h', 2, /needs the tunnel to join/, /--tunnel-id UUID/],
  ['--tunnel-server h:8421 --tunnel-id x', 2, /a URL with ws:\/\/, wss:\/\/, tls:\/\/ or tcp:\/\//, /ws:\/\/203/],
  ['svc/nginx --tunnel-server ws://h --tunnel-id x', 2, /takes no TARGET/, /kubectl intercept --tunnel-server/],
  ['svc/nginx --tunnel-id x', 2, /--tunnel-id belongs to --tunnel-server/, /--tunnel-server ws:/],
  ['svc/nginx --via tunnel', 2, /--via must be auto, ingress/, /--via port-forward/],
  ['svc/nginx --on-pause stop', 2, /--on-pause must be wait or cluster, not "stop"/, /--on-pause wait/],
  ['svc/nginx --grace 10', 2, /--grace must be a duration/, /--grace 10s/],
  ['svc/nginx --return-limit 0', 2, /--return-limit must be a whole number/, /--return-limit 200/],
  ['svc/nginx --probe-path healthz', 2, /--probe-path must be a path/, /--probe-path \/healthz/],
  ['svc/nginx --dry-run=server', 2, /nothing in the cluster is changed/, /--dry-run/],
  [
    '--tunnel-server ws://h:8421/p --tunnel-id 10bc451e-59dc-4c70-999e-91a30813ac78 --takeover -p 8080',
    2,
    /nobody would be asked to leave/,
    /leave --takeover out/
  ],
  ['svc/nginx --mirror --takeover', 2, /--mirror takes none/, /kubectl intercept svc\/nginx --mirror/],
  ['svc/nginx --takeover --join', 2, /--takeover asks the other session/, /kubectl intercept svc\/nginx --takeover/],
  ['svc/nginx -o xml', 2, /-o must be plain, json or tui, not "xml"/, /kubectl intercept svc\/nginx -o json/],
  ['svc/nginx -o tui', 2, /needs a terminal/, /-o plain/],
  ['svc/nginx --capture maybe', 2, /--capture must be on or off, not "maybe"/, /--capture/],
  ['svc/nginx --record traffic.txt', 2, /must end with \.har or \.ndjson/, /--record traffic\.har/],
  ['svc/nginx --record t.har --capture off', 2, /--record needs the traffic/, /leave one/],
  ['svc nginx', 2, /"svc" is a kind, and would be a target/, /kubectl intercept svc\/nginx; .* deploy\/svc/],
  ['nginx 8080:80', 2, /"8080:80" is no target; a port has a flag/, /kubectl intercept nginx --port 8080:80/],
  ['svc/nginx --via ws://', 2, /ws:\/\/, wss:\/\/, tls:\/\/ or tcp:\/\/, not "ws:\/\/"/, /--via ws/],
  ['svc/nginx --mirror 50%', 2, /"50%" would be a target: the part that --mirror copies/, /--mirror=50%/],
  ['svc/nginx 50%', 2, /"50%" is no target/, /--split 50%/],
  ['svc/nginx --dry-run client', 2, /"client" would be a target/, /--dry-run=client/],
  ['set nginx filter=path:~[z-a]', 2, /"\[z-a\]" is no regular expression: .*, "z-a" at its character 2/, /RE2/],
  ['access curl -sS http://cart/?a', 2, /access takes no target, but was given "curl"/, /access -- curl -sS 'http:\/\/cart\/\?a'/],
  ['access svc/db', 2, /was given "svc\/db"/, /--forward svc\/db:80/],
  ['access --forward 80:svc/a:1 --forward 80:svc/b:1', 2, /would both listen on port 80/, /--forward 81:svc\/b:1/],
  ['access --forward svc/a:80 --forward localhost:80:b:80', 2, /would both listen on port 80/, /--forward 81:b:80/],
  ['list -o xml', 2, /-o must be wide, json, yaml or name, not "xml"/, /kubectl intercept list -o json/],
  ['list nginx', 2, /list takes no names/, /kubectl intercept list -l/],
  ['svc/nginx -v many', 2, /-v must be a whole number/, /-v 4/],
  ['svc/nginx --request-timeout soon', 2, /--request-timeout must be a duration/, /10s/],
  ['--all svc/nginx', 2, /--all takes every tunnel/, /kubectl intercept --all/],
  ['--all', 2, /no terminal to ask on/, /kubectl intercept --all --yes/],
  ['svc/nginx -A', 2, /-A and -l choose tunnels for --all/, /kubectl intercept --all -A/],
  ['--weight 3', 2, /no target was named/, /kubectl intercept svc\/nginx --port 8080/],
  ['svc/nginx --mirror --weight 30', 2, /--weight takes visitors, and --mirror leaves them all in the cluster/, /--mirror=25%/],
  ['svc/nginx --mirror=0', 2, /--mirror= must be a percentage from 1 to 100, not "0"/, /--mirror=25%/],
  ['svc/nginx --mirror --capture off', 2, /--capture off looks at none/, /leave one of the two out/],
  ['svc/nginx --ignore-header X-A', 2, /nothing is compared/, /--mirror/],
  ['replay', 2, /no recording was named/, /kubectl intercept replay traffic\.har/],
  ['replay x.har', 2, /"x\.har" cannot be read \(ENOENT\)/, /ls -l x\.har/],
  ['replay x.har y.har', 2, /takes one recording, not also "y\.har"/, /--to http/],
  ['replay x.har --filter statsu:5xx', 2, /statsu/, /./],
  ['replay x.har --set-header nonsense', 2, /--set-header is not NAME: VALUE/, /Authorization: Bearer/],
  ['set', 2, /nothing to set/, /./],
  ['set nginx', 2, /nothing to set/, /./],
  ['set nginx wieght=3', 2, /wieght/, /./],
  ['set nginx weight=300', 2, /weight= must be a whole number/, /./],
  ['set nginx split=0', 2, /split= must be a percentage/, /./],
  ['set nginx hold weight=3', 2, /"hold" and "weight=3" cannot b/, /./],
  ['set nginx hold', 5, /no session of this user runs/, /kubectl intercept svc\/nginx/],
  ['help lst', 2, /no command "lst"/, /kubectl intercept help list/],
  ['leave --all svc/a', 2, /cannot be combined/, /kubectl intercept leave --all/],
  ['leave', 5, /no session of this user/, /kubectl intercept svc\/nginx/],
  ['set', 2, /nothing to set/, /./],
  ['set svc/nginx', 2, /nothing to set/, /weight=1…255/],
  ['set nginx weight=300', 2, /weight= must be a whole number from 1 to 255, not "300"/, /weight=30/],
  ['set nginx weight=', 2, /weight= must be a whole number/, /weight=30/],
  ['set nginx split=0.5', 2, /split= must be a percentage/, /split=25%/],
  ['set nginx wieght=3', 2, /wieght/, /./],
  ['set nginx colour=red', 2, /"colour=red" is nothing that can be set/, /weight=1…255/],
  ['set nginx holdd', 2, /"holdd" is taken for a target/, /did you mean hold\?/],
  ['set nginx hold release', 2, /cannot be set at once/, /write one of/],
  ['set nginx hold=true', 2, /hold takes no value/, /write one of/],
  ['set nginx filter=path:', 2, /filter cannot be read/, /any value is/],
  ['svc/nginx --header nonsense', 2, /--header "nonsense" cannot be read: a header is a name, a colon/, /X-User: ada/],
  ['svc/nginx --path ~(', 2, /--path "~\(" cannot be read/, /\/api/],
  ['svc/nginx --path /a --split 50', 2, /--path takes every request that matches, and --split a part/, /choose one/],
  ['svc/nginx --header X:a --weight 3', 2, /--header takes every request that matches, and --weight a part/, /choose one/],
  ['set nginx hold --through-laptop', 2, /agrees to a share/, /split=25% --through-laptop/],
  ['set nginx weight=3', 5, /no session of this user/, /kubectl intercept svc\/nginx/],
  ['demo svc/nginx', 2, /takes no target/, /kubectl intercept demo --help/],
  ['server', 2, /no tunnel listener/, /kubectl intercept server --help/],
  ['sidecar -L rtcp://:0/:80', 2, /no remote listener with a tunnel/, /kubectl intercept sidecar --help/],
  ['list --kubeconfig absent.yaml', 3, /absent\.yaml/, /ls -l .*absent/],
  ['list --kubeconfig broken.yaml', 3, /broken\.yaml/, /\S/]
]

describe('bad input', () => {
  it.each(CASES)('answers `%s` with exit %i, one sentence and a hint', async (line, code, sentence, hint) => {
    const argv = line.split(' ').map(word => (word.endsWith('.yaml') ? path.join(folder, word) : word))
    const result = await runCli(argv, { cwd: folder, home: folder })
    const [error = '', hinted = '', coded = ''] = result.stderr.trimEnd().split('\n')
    expect([result.code, result.stdout]).toEqual([code, ''])
    expect(error).toMatch(/^error: /)
    expect(error).toMatch(sentence)
    expect(hinted).toMatch(/^hint: {2}/)
    expect(hinted).toMatch(hint)
    expect(coded).toMatch(/^code: {2}[A-Z_]+$/)
  })

  it('never repeats a secret that was typed', async () => {
    const secret = '10bc451e-59dc-4c70-999e-91a30813ac7'
    const lines = [
      `--tunnel-server ws://h --tunnel-id ${secret}`,
      `svc/nginx --tunnel-server ws://u:${secret}@h`,
      `--tunnel-server ftp://u:${secret}@h --tunnel-id x`,
      `svc/a --tunnel-auth :${secret}`
    ]
    for (const line of lines) {
      const { code, stderr } = await runCli(line.split(' '), { cwd: folder, home: folder })
      expect([line, code]).toEqual([line, 2])
      expect(stderr).not.toContain(secret)
    }
  })

  it('takes a target that is not there for a mistyped command, when it is close to one', async () => {
    const notFound: Partial<Parts> = {
      runIntercept: () =>
        Promise.resolve(() =>
          Promise.reject(new InterceptError('TARGET_NOT_FOUND', 'there is no lst in namespace default', { hint: 'kubectl get svc' }))
        )
    }
    const near = await runCli(['lst'], { parts: notFound })
    expect(near.code).toBe(5)
    expect(near.stderr).toContain('hint:  did you mean the command kubectl intercept list? Else: kubectl get svc\n')
    expect((await runCli(['svc/lst'], { parts: notFound })).stderr).toContain('hint:  kubectl get svc\n')
  })

  it('gives scripts the error as data', async () => {
    const { code, stdout, stderr } = await runCli(['list', 'x', '-o', 'json'])
    expect([code, stdout]).toEqual([2, ''])
    expect(JSON.parse(stderr)).toMatchObject({ v: 1, type: 'error', code: 'BAD_USAGE', hint: expect.stringContaining('-l') as unknown })
  })

  it('calls a bug a bug: exit 70, where to report it, the stack for those who ask', async () => {
    const parts: Partial<Parts> = { runIntercept: () => Promise.resolve(() => Promise.reject(new TypeError('x is not a function'))) }
    const quiet = await runCli(['svc/a'], { parts })
    expect(quiet.code).toBe(70)
    expect(quiet.stderr).toMatch(/^error: a bug in kubectl-intercept: x is not a function\nhint: {2}please report it at https:\S+\/issues/)
    expect(quiet.stderr).not.toContain('bad-input.test.ts')
    expect((await runCli(['svc/a', '-v', '6'], { parts })).stderr).toContain('bad-input.test.ts')
  })
})
