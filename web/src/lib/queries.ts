import { useQuery, type UseQueryResult } from '@tanstack/react-query';
import { agentPath, get } from './api';
import type { Agent, Approval, Asker, Me, Member, Question } from './types';

export const useMe = (): UseQueryResult<Me> =>
  useQuery({ queryKey: ['me'], queryFn: ({ signal }) => get<Me>('/api/users/me', signal), staleTime: 300_000 });

/** The fleet with what each agent uses. States come as events; the rest is measured, so it is read again while it is seen. */
export const useFleetMembers = (): UseQueryResult<Member[]> =>
  useQuery({
    queryKey: ['agents'],
    queryFn: ({ signal }) => get<Member[]>('/~console/fleet', signal),
    refetchInterval: 4000,
  });

export const useAgent = (name: string): UseQueryResult<Agent> =>
  useQuery({ queryKey: ['agent', name], queryFn: ({ signal }) => get<Agent>(agentPath(name), signal) });

/** The agent as the fleet shows it: with its exact state and what it uses. */
export function useMember(name: string): Member | undefined {
  return useFleetMembers().data?.find((member) => member.name === name);
}

export interface Inbox {
  readonly approvals: readonly (Approval & Asker)[];
  readonly questions: readonly (Question & Asker)[];
}

/** What waits for a person, over the whole fleet. The events say when to look; the interval is a net under a lost one. */
export const useInbox = (): UseQueryResult<Inbox> =>
  useQuery({
    queryKey: ['inbox'],
    queryFn: async ({ signal }) => {
      const [approvals, questions] = await Promise.all([
        get<(Approval & Asker)[]>('/~console/approvals', signal),
        get<(Question & Asker)[]>('/~console/questions', signal),
      ]);
      return { approvals, questions };
    },
    refetchInterval: 30_000,
  });
