import { useMutation, useQueryClient, type QueryKey } from "@tanstack/react-query";

interface Saving<Form, Saved> {
  save: (form: Form) => Promise<Saved>;
  /** What is to be read again; everything where nothing is named. */
  renews?: readonly QueryKey[];
  onDone: (form: Form, saved: Saved) => void;
}

/** Write something, then wait until the page has read what it changed. */
export function useSaving<Form = void, Saved = unknown>({
  save,
  renews,
  onDone,
}: Saving<Form, Saved>) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: save,
    onSuccess: async (saved, form) => {
      const keys = renews ?? [[]];
      await Promise.all(keys.map((queryKey) => queries.invalidateQueries({ queryKey })));
      onDone(form, saved);
    },
  });
}
