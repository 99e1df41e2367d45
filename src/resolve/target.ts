/** TARGET as typed → what it names: `svc/x`, kubectl's short, singular and plural words, or a bare name. */
import { InterceptError } from '../base/errors.ts'
import { nearest } from '../base/format.ts'
import type { TargetKind, TargetRef } from './types.ts'

const KINDS: Readonly<Record<string, TargetKind>> = {
  svc: 'service',
  service: 'service',
  services: 'service',
  deploy: 'deployment',
  deployment: 'deployment',
  deployments: 'deployment',
  sts: 'statefulset',
  statefulset: 'statefulset',
  statefulsets: 'statefulset',
  ds: 'daemonset',
  daemonset: 'daemonset',
  daemonsets: 'daemonset',
  rs: 'replicaset',
  replicaset: 'replicaset',
  replicasets: 'replicaset',
  po: 'pod',
  pod: 'pod',
  pods: 'pod',
  ing: 'ingress',
  ingress: 'ingress',
  ingresses: 'ingress'
}

/** `deployments.apps/x` and `deployment.v1.apps/x` are kubectl's long forms. */
const kindOf = (word: string): TargetKind | undefined => {
  const [first = '', ...group] = word.toLowerCase().split('.')
  return group.length === 0 || /^(?:v\d\w*\.)?(?:apps|networking\.k8s\.io|core)$/.test(group.join('.')) || /^v\d\w*$/.test(group.join('.'))
    ? KINDS[first]
    : undefined
}

const NAME = /^[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?$/

/** What kubectl knows, and no tunnel serves. */
const OTHER_KINDS =
  /^(?:cm|configmaps?|secrets?|ns|namespaces?|no|nodes?|jobs?|cj|cronjobs?|pvc?|persistentvolumeclaims?|sa|serviceaccounts?|ep|endpoints?|hpa)$/

/** Throws BAD_USAGE with the right form. */
export const parseTarget = (text: string): TargetRef => targetOf(text, 'kubectl intercept')

/** Typed for another command, which the form begins with. */
export const parseTargetOf = (command: string, text: string): TargetRef => targetOf(text, command)

function targetOf(text: string, command: string): TargetRef {
  const parts = text.trim().split('/')
  if (parts.length > 2)
    throw badTarget(text, 'it has more than one slash', `a namespace is given with -n NAMESPACE: ${command} svc/NAME -n NAMESPACE`)
  const name = parts.at(-1) ?? ''
  const word = parts.length === 2 ? (parts[0] ?? '') : undefined
  const kind = word === undefined ? undefined : kindOf(word)
  if (word !== undefined && kind === undefined) {
    const other = OTHER_KINDS.test(word.toLowerCase().split('.')[0] ?? '')
    const [close] = other || word.length < 4 ? [] : nearest(word.toLowerCase(), Object.keys(KINDS), 1)
    throw badTarget(
      text,
      `${word === '' ? 'the kind' : word} is not a kind that can be intercepted`,
      other
        ? `name the workload or its Service: ${command} deploy/NAME  (svc, deploy, sts, ds, rs, pod or ing)${shows(word, name)}`
        : `${command} ${close ?? 'svc'}/${name || 'NAME'}  (svc, deploy, sts, ds, rs, pod or ing)`
    )
  }
  if (!NAME.test(name) || name.length > 253)
    throw badTarget(text, name === '' ? 'the name is empty' : `${name} is no Kubernetes name`, `${command} ${word ?? 'svc'}/NAME`)
  return { text: text.trim(), kind, name }
}

const shows = (word: string, name: string): string => (name === '' ? '' : `; the object itself: kubectl get ${word}/${name} -o yaml`)

const badTarget = (text: string, why: string, form: string): InterceptError =>
  new InterceptError('BAD_USAGE', `target ${text || "''"} is not understood: ${why}`, { hint: form })
