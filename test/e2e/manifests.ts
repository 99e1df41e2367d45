/** The article's manifests with a few numbers changed; what is not found in them is an error, never silently left out. */
import { ARTICLE } from './world.ts'

export interface ArticleOptions {
  /** Replicas of the tunnel server. */
  servers?: number
  /** Replicas of the app with its sidecar. */
  pods?: number
  /** Further parameters of the server's listener: `entrypoint.keepalive=true`. */
  listener?: string
  /** The article waits 10 s; a test need not. */
  minReadySeconds?: number
  /** Containers beside nginx in the app's pod, as YAML lines without indentation. */
  containers?: string
  /** What the sidecar forwards to (`:80`). */
  app?: string
  /** Host of the Ingress and of the tunnel (`nginx.local`). */
  host?: string
}

export function article(options: ArticleOptions = {}): string {
  const { servers = 1, pods = 1, listener, minReadySeconds = 0, containers, app, host } = options
  let text = ARTICLE
  const replace = (from: string | RegExp, to: string, times: number): void => {
    const parts = text.split(from)
    if (parts.length !== times + 1) throw new Error(`the article has ${parts.length - 1} times ${String(from)}, not ${times}`)
    text = parts.join(to)
  }
  const [before = '', after = ''] = text.split('name: nginx\nspec:\n  replicas: 1')
  if (after === '') throw new Error('the article has no Deployment nginx')
  text = `${before.replace('replicas: 1', `replicas: ${servers}`)}name: nginx\nspec:\n  replicas: ${pods}${after}`
  replace('minReadySeconds: 10', `minReadySeconds: ${minReadySeconds}`, 2)
  if (listener !== undefined) replace('&path=/proxy"\n          ports:', `&path=/proxy&${listener}"\n          ports:`, 1)
  if (app !== undefined) replace('rtcp://:0/:80', `rtcp://:0/${app}`, 1)
  if (containers !== undefined) {
    const indented = containers
      .trim()
      .split('\n')
      .map(line => `        ${line}`)
      .join('\n')
    replace('        - name: nginx\n          image', `${indented}\n        - name: nginx\n          image`, 1)
  }
  if (host !== undefined) replace('nginx.local', host, 2)
  return text
}
