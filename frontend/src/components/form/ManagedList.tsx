import type { UseQueryResult } from "@tanstack/react-query";
import { Pencil, Plus, Trash2 } from "lucide-react";
import { useState, type ReactNode } from "react";

import { withWriteAccess } from "../../lib/writeAccess";
import { Button } from "../ui/Button";
import { Modal } from "../ui/Modal";
import { Panel } from "../ui/Panel";
import { Shown } from "../ui/states";

interface Props<Item> {
  title: string;
  query: UseQueryResult<Item[]>;
  /** What one of them is called: "New target". */
  noun: string;
  nameOf: (item: Item) => string;
  empty: ReactNode;
  row: (item: Item) => ReactNode;
  /** What the form says above its fields. */
  formDescription: string;
  form: (item: Item | null, onDone: () => void) => ReactNode;
  removal: (item: Item, onClose: () => void) => ReactNode;
  /** Some are always there, as they are. */
  isFixed?: (item: Item) => boolean;
}

/** What a person makes, changes and deletes: a list, each with its form and its deletion. */
export function ManagedList<Item>(props: Props<Item>) {
  const { query, noun, nameOf } = props;
  const [edited, setEdited] = useState<{ item: Item | null } | null>(null);
  const [doomed, setDoomed] = useState<{ item: Item } | null>(null);
  const edit = (item: Item | null) => withWriteAccess(() => setEdited({ item }));
  const close = () => setEdited(null);
  return (
    <Panel
      title={props.title}
      aside={
        <Button onClick={() => edit(null)}>
          <Plus size={14} aria-hidden /> New {noun}
        </Button>
      }
    >
      <Shown query={query}>
        {(items) =>
          items.length === 0 ? (
            props.empty
          ) : (
            <ul className="-m-4 divide-y divide-line">
              {items.map((item) => (
                <li
                  key={nameOf(item)}
                  className="flex flex-wrap items-center gap-x-3 px-4 py-1.5 text-sm"
                >
                  {props.row(item)}
                  {!props.isFixed?.(item) && (
                    <RowButtons
                      name={nameOf(item)}
                      onEdit={() => edit(item)}
                      onRemove={() => withWriteAccess(() => setDoomed({ item }))}
                    />
                  )}
                </li>
              ))}
            </ul>
          )
        }
      </Shown>
      <Modal
        title={edited?.item ? `Change ${nameOf(edited.item)}` : `New ${noun}`}
        description={props.formDescription}
        open={edited !== null}
        onClose={close}
      >
        {edited && props.form(edited.item, close)}
      </Modal>
      {doomed && props.removal(doomed.item, () => setDoomed(null))}
    </Panel>
  );
}

interface RowButtonsProps {
  name: string;
  onEdit: () => void;
  onRemove: () => void;
}

function RowButtons({ name, onEdit, onRemove }: RowButtonsProps) {
  return (
    <span className="ml-auto flex">
      <Button look="quiet" aria-label={`Edit ${name}`} onClick={onEdit}>
        <Pencil size={15} aria-hidden />
      </Button>
      <Button look="quiet" aria-label={`Delete ${name}`} onClick={onRemove}>
        <Trash2 size={15} aria-hidden />
      </Button>
    </span>
  );
}
