-- Schools, who works in them, and who studies there. Row-level security and grants: 0007.
--
-- Every time is timestamptz. Ids default to random ones for plain SQL; the program supplies UUIDv7, which keep an
-- index's new rows on its last pages. Composite foreign keys (…, school_id) let no row point into another school.

-- ---------------------------------------------------------------------------------------------------- functions

CREATE FUNCTION public.hub_touch_updated_at() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- The row is locked by now, so later changes of a row have later times, whichever transaction began first.
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END
$$;

-- ------------------------------------------------------------------------------------------------------ schools

CREATE TABLE public.schools (
    id uuid CONSTRAINT schools_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
    -- Four bytes for packed rows of the index, where sixteen would be paid a million times.
    number integer GENERATED ALWAYS AS IDENTITY CONSTRAINT schools_number_key UNIQUE,
    name varchar(200) NOT NULL,
    code varchar(20) NOT NULL CONSTRAINT schools_code_key UNIQUE,
    address text,
    phone varchar(20),
    email varchar(255),
    website varchar(255),
    logo_url varchar(500),
    is_active boolean NOT NULL DEFAULT true,
    -- A pass is valid on days of its school: this says when a day begins there.
    timezone text NOT NULL DEFAULT 'UTC',
    settings jsonb NOT NULL DEFAULT '{}',
    -- How long an access point may answer from an index that cannot be kept fresh.
    max_staleness_seconds integer NOT NULL DEFAULT 300,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT schools_settings_check CHECK (jsonb_typeof(settings) = 'object'),
    CONSTRAINT schools_timezone_check CHECK (timezone <> ''),
    CONSTRAINT schools_max_staleness_seconds_check CHECK (max_staleness_seconds >= 0)
);

CREATE TABLE public.departments (
    id uuid CONSTRAINT departments_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
    name varchar(200) NOT NULL,
    code varchar(20) NOT NULL,
    school_id uuid NOT NULL CONSTRAINT departments_school_id_fkey REFERENCES public.schools (id),
    head_name varchar(100),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT departments_school_id_code_key UNIQUE (school_id, code),
    CONSTRAINT departments_id_school_id_key UNIQUE (id, school_id)
);

-- --------------------------------------------------------------------------------------- accounts, roles, rights

CREATE TABLE public.roles (
    id uuid CONSTRAINT roles_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
    name varchar(100) NOT NULL CONSTRAINT roles_name_key UNIQUE,
    description text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.permissions (
    id uuid CONSTRAINT permissions_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
    name varchar(100) NOT NULL CONSTRAINT permissions_name_key UNIQUE,
    description text,
    resource varchar(100),
    action varchar(50),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.role_permissions (
    role_id uuid CONSTRAINT role_permissions_role_id_fkey REFERENCES public.roles (id),
    permission_id uuid CONSTRAINT role_permissions_permission_id_fkey REFERENCES public.permissions (id),
    CONSTRAINT role_permissions_pkey PRIMARY KEY (role_id, permission_id)
);

CREATE TABLE public.users (
    id uuid CONSTRAINT users_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
    email varchar(255) NOT NULL CONSTRAINT users_email_key UNIQUE,
    password_hash varchar(255) NOT NULL,
    first_name varchar(100) NOT NULL,
    last_name varchar(100) NOT NULL,
    role_id uuid CONSTRAINT users_role_id_fkey REFERENCES public.roles (id),
    -- NULL: a super admin, who belongs to no school.
    school_id uuid CONSTRAINT users_school_id_fkey REFERENCES public.schools (id),
    is_active boolean NOT NULL DEFAULT true,
    email_verified_at timestamptz,
    last_login_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- One person is one account, however the address is typed.
CREATE UNIQUE INDEX users_lower_email_key ON public.users (lower(email));
CREATE INDEX idx_users_school_id ON public.users (school_id);

-- ----------------------------------------------------------------------------------------------------- students

CREATE TABLE public.students (
    id uuid CONSTRAINT students_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
    student_id varchar(50) NOT NULL,
    email varchar(255),
    first_name varchar(100) NOT NULL,
    last_name varchar(100) NOT NULL,
    middle_name varchar(100),
    gender varchar(20),
    -- AES-256-GCM ciphertext, made and read by the program; the *_bidx columns are keyed hashes for equality search.
    date_of_birth bytea,
    date_of_birth_bidx bytea,
    phone bytea,
    phone_bidx bytea,
    address bytea,
    emergency_contact_name bytea,
    emergency_contact_phone bytea,
    school_id uuid NOT NULL CONSTRAINT students_school_id_fkey REFERENCES public.schools (id),
    department_id uuid,
    program varchar(100),
    year_of_study integer,
    enrollment_date date,
    graduation_date date,
    status varchar(20) NOT NULL DEFAULT 'active',
    photo_url varchar(500),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT students_school_id_student_id_key UNIQUE (school_id, student_id),
    CONSTRAINT students_id_school_id_key UNIQUE (id, school_id),
    CONSTRAINT students_department_id_fkey FOREIGN KEY (department_id, school_id)
        REFERENCES public.departments (id, school_id),
    CONSTRAINT students_status_check CHECK (status IN ('active', 'inactive', 'graduated', 'suspended')),
    CONSTRAINT students_year_of_study_check CHECK (year_of_study > 0)
);

CREATE INDEX idx_students_school_id ON public.students (school_id);
CREATE INDEX idx_students_student_id ON public.students (student_id);
CREATE INDEX idx_students_email ON public.students (email);
CREATE INDEX idx_students_department_id ON public.students (department_id);
CREATE INDEX idx_students_phone_bidx ON public.students (school_id, phone_bidx) WHERE phone_bidx IS NOT NULL;
CREATE INDEX idx_students_date_of_birth_bidx ON public.students (school_id, date_of_birth_bidx)
    WHERE date_of_birth_bidx IS NOT NULL;

CREATE TABLE public.documents (
    id uuid CONSTRAINT documents_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
    school_id uuid NOT NULL CONSTRAINT documents_school_id_fkey REFERENCES public.schools (id),
    student_id uuid NOT NULL,
    document_type varchar(100),
    file_name varchar(255),
    file_path varchar(500),
    file_size integer,
    mime_type varchar(100),
    uploaded_by uuid CONSTRAINT documents_uploaded_by_fkey REFERENCES public.users (id),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT documents_student_id_fkey FOREIGN KEY (student_id, school_id)
        REFERENCES public.students (id, school_id),
    CONSTRAINT documents_file_size_check CHECK (file_size >= 0)
);

CREATE INDEX idx_documents_student_id ON public.documents (school_id, student_id);

-- ----------------------------------------------------------------------------------------------------- triggers

CREATE TRIGGER touch_updated_at BEFORE UPDATE ON public.schools
    FOR EACH ROW EXECUTE FUNCTION public.hub_touch_updated_at();
CREATE TRIGGER touch_updated_at BEFORE UPDATE ON public.departments
    FOR EACH ROW EXECUTE FUNCTION public.hub_touch_updated_at();
CREATE TRIGGER touch_updated_at BEFORE UPDATE ON public.roles
    FOR EACH ROW EXECUTE FUNCTION public.hub_touch_updated_at();
CREATE TRIGGER touch_updated_at BEFORE UPDATE ON public.users
    FOR EACH ROW EXECUTE FUNCTION public.hub_touch_updated_at();
CREATE TRIGGER touch_updated_at BEFORE UPDATE ON public.students
    FOR EACH ROW EXECUTE FUNCTION public.hub_touch_updated_at();
