import { useMutation, useQueryClient, type QueryKey } from "@tanstack/react-query";

interface Saving<Form> {
  save: (form: Form) => Promise<unknown>;
  /** What is to be read again; everything where nothing is named. */
  renews?: readonly QueryKey[];
  onDone: (form: Form) => void;
}

/** Write something, then wait until the page has read what it changed. */
export function useSaving<Form = void>({ save, renews, onDone }: Saving<Form>) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: save,
    onSuccess: async (_, form) => {
      const keys = renews ?? [[]];
      await Promise.all(keys.map((queryKey) => queries.invalidateQueries({ queryKey })));
      onDone(form);
    },
  });
}
