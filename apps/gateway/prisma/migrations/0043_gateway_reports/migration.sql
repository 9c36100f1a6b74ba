-- What a gateway says of itself, for people who look after it. Null: it has said nothing, or is of an earlier version.
ALTER TABLE "gateways" ADD COLUMN "report" JSON;
