-- Whether this role may make tables and change those that are there.
SELECT has_schema_privilege(current_schema(), 'CREATE')
   AND NOT EXISTS (SELECT FROM pg_class
                    WHERE oid IN (to_regclass('schema_version'), to_regclass('events'))
                      AND NOT pg_has_role(relowner, 'USAGE'));
