"""Every table before the first release. A database is empty, or has taken all these steps."""

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
import uuid
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [
        ('studies', '0001_initial'),
        ('studies', '0002_live_study'),
        ('studies', '0003_protocols_and_tasks'),
        ('studies', '0004_checks'),
        ('studies', '0005_queue'),
        ('studies', '0006_ledger'),
        ('studies', '0007_references_and_quotes'),
        ('studies', '0008_routed_policy'),
        ('studies', '0009_programs_and_webhooks'),
        ('studies', '0010_embeddings'),
        ('studies', '0011_study_language'),
    ]

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Electorate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(unique=True)),
                ('name', models.CharField(max_length=200)),
                ('description', models.TextField(blank=True)),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='ChatModel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=200)),
                ('version', models.PositiveSmallIntegerField(default=1)),
                ('developer', models.CharField(blank=True, max_length=200)),
                ('is_embedder', models.BooleanField(default=False, help_text='It answers with embeddings of texts, not with replies: a study’s scorer may learn from them, and it is neither contestant nor judge.', verbose_name='embeds texts')),
                ('base_url', models.CharField(blank=True, help_text='Where its chat-completions endpoint answers, or bot:NAME for a built-in bot.', max_length=300)),
                ('model_id', models.CharField(blank=True, help_text='Its name at the endpoint.', max_length=200)),
                ('revision', models.CharField(blank=True, max_length=100)),
                ('parameters', models.JSONField(blank=True, default=dict)),
                ('system_prompt', models.TextField(blank=True)),
                ('key_variable', models.CharField(blank=True, help_text='The name of the environment variable that holds the key; never the key.', max_length=100)),
                ('timeout_s', models.PositiveSmallIntegerField(default=60, validators=[django.core.validators.MinValueValidator(1)], verbose_name='timeout in seconds')),
                ('max_concurrent', models.PositiveSmallIntegerField(default=8, validators=[django.core.validators.MinValueValidator(1)], verbose_name='calls at once')),
                ('input_price', models.DecimalField(decimal_places=4, default=Decimal('0'), help_text='US dollars for a million tokens that it reads.', max_digits=9, validators=[django.core.validators.MinValueValidator(Decimal('0'))])),
                ('output_price', models.DecimalField(decimal_places=4, default=Decimal('0'), help_text='US dollars for a million tokens that it writes.', max_digits=9, validators=[django.core.validators.MinValueValidator(Decimal('0'))])),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ['name', 'version'],
                'constraints': [models.UniqueConstraint(models.F('name'), models.F('version'), name='one_chat_model_per_version'), models.CheckConstraint(condition=models.Q(('name', ''), _negated=True), name='chat_model_has_name'), models.CheckConstraint(condition=models.Q(('max_concurrent__gt', 0), ('timeout_s__gt', 0)), name='chat_model_may_be_called'), models.CheckConstraint(condition=models.Q(('input_price__gte', 0), ('output_price__gte', 0)), name='price_is_not_negative'), models.CheckConstraint(condition=models.Q(('is_embedder', False), models.Q(('base_url', ''), _negated=True), _connector='OR'), name='embedder_has_address')],
            },
        ),
        migrations.CreateModel(
            name='WrittenRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=200)),
                ('digest', models.CharField(max_length=64)),
                ('created_at', models.DateTimeField(db_index=True)),
                ('status', models.PositiveSmallIntegerField(null=True)),
                ('document', models.JSONField(null=True)),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-created_at'],
                'constraints': [models.UniqueConstraint(models.F('user'), models.F('key'), name='one_written_request_per_key'), models.CheckConstraint(condition=models.Q(('key', ''), _negated=True), name='written_request_has_key')],
            },
        ),
        migrations.CreateModel(
            name='Axis',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.SlugField()),
                ('name', models.CharField(max_length=100)),
                ('position', models.PositiveSmallIntegerField()),
                ('electorate', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='axes', to='studies.electorate')),
            ],
            options={
                'verbose_name_plural': 'axes',
                'ordering': ['electorate', 'position'],
                'constraints': [models.UniqueConstraint(models.F('electorate'), models.F('key'), name='one_axis_per_key'), models.UniqueConstraint(models.F('electorate'), models.F('position'), name='one_axis_per_position')],
            },
        ),
        migrations.CreateModel(
            name='Source',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.SlugField()),
                ('title', models.CharField(max_length=300)),
                ('publisher', models.CharField(blank=True, max_length=200)),
                ('table', models.CharField(blank=True, max_length=200)),
                ('year', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('licence', models.CharField(blank=True, max_length=200)),
                ('url', models.URLField(blank=True)),
                ('note', models.TextField(blank=True)),
                ('electorate', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='sources', to='studies.electorate')),
            ],
            options={
                'ordering': ['electorate', 'key'],
                'constraints': [models.UniqueConstraint(models.F('electorate'), models.F('key'), name='one_source_per_key'), models.CheckConstraint(condition=models.Q(('title', ''), _negated=True), name='source_has_title')],
            },
        ),
        migrations.CreateModel(
            name='Study',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(unique=True)),
                ('title', models.CharField(max_length=200)),
                ('question', models.CharField(blank=True, help_text='The question the study answers, in one sentence.', max_length=300)),
                ('language', models.CharField(blank=True, choices=[('', 'each rater’s own'), ('en-gb', 'English (UK)'), ('en-us', 'English (US)'), ('de', 'Deutsch')], db_default='', default='', help_text='Raters’ pages open in it, unless a rater has chosen another one herself. What you write for them is marked as written in it, so that it is read out rightly.', max_length=10, verbose_name='language of its raters')),
                ('protocol', models.CharField(choices=[('pairwise', 'two models side by side, compared'), ('single', 'one model at a time, rated')], default='pairwise', help_text="It can't be changed once the study has raters.", max_length=10)),
                ('state', models.CharField(choices=[('draft', 'draft'), ('open', 'open'), ('paused', 'paused'), ('closed', 'closed'), ('archived', 'archived')], default='draft', max_length=10)),
                ('opened_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('pause_reason', models.TextField(blank=True, editable=False)),
                ('is_public', models.BooleanField(default=False, help_text='Whether anybody may see its published boards.')),
                ('is_simulated', models.BooleanField(default=False, help_text='Its raters are simulated: every page and export says so.')),
                ('raters_wanted', models.PositiveIntegerField(blank=True, help_text="Places, divided into quotas by the electorate's shares.", null=True)),
                ('quota_by', models.CharField(choices=[('margins', 'groups of each axis'), ('cells', 'cells')], default='margins', help_text='Whether a rater needs a place in each of her groups, or in her cell.', max_length=10, verbose_name='quotas by')),
                ('battles_each', models.PositiveSmallIntegerField(default=4, validators=[django.core.validators.MinValueValidator(1)], verbose_name='battles of each rater')),
                ('min_turns', models.PositiveSmallIntegerField(default=3, validators=[django.core.validators.MinValueValidator(1)], verbose_name='messages at least')),
                ('max_turns', models.PositiveSmallIntegerField(default=10, verbose_name='messages at most')),
                ('task', models.TextField(blank=True, help_text="What raters are asked to talk about; shown above every battle, before the battle's own task where the study has several.")),
                ('reservation_minutes', models.PositiveSmallIntegerField(default=60, help_text='After so long without a word from the rater, her place goes back.', validators=[django.core.validators.MinValueValidator(1)], verbose_name='minutes a place is kept')),
                ('minutes_estimated', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('pay', models.DecimalField(blank=True, decimal_places=2, max_digits=8, null=True)),
                ('currency', models.CharField(default='GBP', max_length=3)),
                ('strikes_allowed', models.PositiveSmallIntegerField(default=3, help_text='With so many active strikes a participation ends, and is left to a reviewer.', validators=[django.core.validators.MinValueValidator(1)], verbose_name='strikes that end it')),
                ('policy', models.CharField(choices=[('gain', 'where a battle teaches most'), ('random', 'at random'), ('round_robin', 'in turn, every pair as often'), ('swiss', 'neighbours in the ranking (Swiss)'), ('routed', 'where people and judges know least together')], default='gain', help_text='Under every policy the same caps, floors and balanced sides hold. What judges know is taken from the newest report of Routing; without one, a battle goes where it teaches most.', max_length=12, verbose_name='pairs are chosen')),
                ('battle_cap', models.FloatField(default=0.5, help_text="The largest share of a day's battles that one contestant may be in, or one and a half equal shares if that is more.", validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(1.0)], verbose_name="cap of a day's battles")),
                ('battle_floor', models.FloatField(default=0.2, help_text="The part of an equal share of a day's battles that every contestant gets.", validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(1.0)], verbose_name="floor of a day's battles")),
                ('ends_when_answered', models.BooleanField(default=True, help_text='Once all stopping rules are fulfilled nobody new can take part; who is inside goes on to the end. Otherwise you are only told.', verbose_name='ends once it is answered')),
                ('answered_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('asks_to_quote', models.BooleanField(default=False, help_text='Whether raters are asked, beside their consent, if what they write may be published without a name. Taking part never depends on it.', verbose_name='asks whether words may be published')),
                ('retention_days', models.PositiveSmallIntegerField(db_default=365, default=365, help_text='So many days after the study closes, what could say who a rater is (ids of the recruiting platform, accounts, hashes of address and device) is erased, and so are words that she did not release. Verdicts stay, under her public code.', validators=[django.core.validators.MinValueValidator(1)], verbose_name='days that identities are kept')),
                ('identities_erased_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('closed_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('budget', models.DecimalField(blank=True, decimal_places=2, help_text='US dollars that replies may cost. The study pauses once they are spent.', max_digits=10, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0.01'))])),
                ('entrance', models.CharField(choices=[('link', 'anybody with the link'), ('recruited', 'only with an id from a recruiting platform'), ('account', 'by sign-up with an e-mail address')], default='link', max_length=10, verbose_name='who may come in')),
                ('recruiting_parameter', models.CharField(default='PROLIFIC_PID', help_text="The parameter of the study's link that carries the recruiting platform's id.", max_length=50, verbose_name='parameter of the rater')),
                ('study_parameter', models.CharField(blank=True, default='STUDY_ID', help_text="Carries the platform's id of the study; kept with the participation.", max_length=50, verbose_name='parameter of the study')),
                ('session_parameter', models.CharField(blank=True, default='SESSION_ID', help_text="Carries the platform's id of the rater's session; kept with the participation.", max_length=50, verbose_name='parameter of the session')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('electorate', models.ForeignKey(blank=True, help_text='Whom the study speaks for. Without one, boards speak for the raters only. Once there are raters, and while it is paused, it can be one that has new groups besides.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='studies', to='studies.electorate')),
                ('preview_of', models.ForeignKey(blank=True, editable=False, help_text='The study that this is a passing copy of, for an admin to try.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='previews', to='studies.study')),
                ('screener', models.ForeignKey(blank=True, help_text='A chat model that reads conversations for topic drift, beside the screen that needs none.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='studies.chatmodel')),
                ('team', models.ManyToManyField(blank=True, help_text='Users who may see this study although it is not public.', related_name='studies', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name_plural': 'studies',
                'ordering': ['-created_at', 'slug'],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['draft', 'open', 'paused', 'closed', 'archived'])), name='study_state_is_known'), models.CheckConstraint(condition=models.Q(('title', ''), _negated=True), name='study_has_title'), models.CheckConstraint(condition=models.Q(('language__in', ['', 'en-gb', 'en-us', 'de'])), name='study_language_is_known'), models.CheckConstraint(condition=models.Q(('battles_each__gt', 0), ('max_turns__gte', models.F('min_turns')), ('min_turns__gt', 0)), name='study_asks_for_turns_and_battles'), models.CheckConstraint(condition=models.Q(('protocol__in', ['pairwise', 'single'])), name='study_protocol_is_known'), models.CheckConstraint(condition=models.Q(('entrance__in', ['link', 'recruited', 'account'])), name='study_entrance_is_known'), models.CheckConstraint(condition=models.Q(('strikes_allowed__gt', 0)), name='strikes_can_end_it'), models.CheckConstraint(condition=models.Q(('policy__in', ['gain', 'random', 'round_robin', 'swiss', 'routed'])), name='study_policy_is_known'), models.CheckConstraint(condition=models.Q(('battle_cap__gte', 0.0), ('battle_cap__lte', 1.0), ('battle_floor__gte', 0.0), ('battle_floor__lte', 1.0)), name='cap_and_floor_are_shares'), models.CheckConstraint(condition=models.Q(('budget__isnull', True), ('budget__gt', 0), _connector='OR'), name='budget_is_positive')],
            },
        ),
        migrations.CreateModel(
            name='Contestant',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(max_length=200)),
                ('name', models.CharField(help_text='How boards name it. Raters never see it.', max_length=200)),
                ('entered_at', models.DateTimeField(auto_now_add=True)),
                ('withdrawn_at', models.DateTimeField(blank=True, null=True)),
                ('withdrawal_reason', models.TextField(blank=True)),
                ('chat_model', models.ForeignKey(limit_choices_to={'is_embedder': False}, on_delete=django.db.models.deletion.PROTECT, related_name='contestants', to='studies.chatmodel')),
                ('study', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='contestants', to='studies.study')),
            ],
            options={
                'ordering': ['study', 'slug'],
                'constraints': [models.UniqueConstraint(models.F('study'), models.F('slug'), name='one_contestant_per_slug'), models.UniqueConstraint(models.F('study'), models.F('name'), name='one_contestant_per_name'), models.UniqueConstraint(models.F('study'), models.F('chat_model'), name='one_entry_per_chat_model'), models.CheckConstraint(condition=models.Q(('withdrawn_at__isnull', True), models.Q(('withdrawal_reason', ''), _negated=True), _connector='OR'), name='withdrawn_contestant_has_reason')],
            },
        ),
        migrations.CreateModel(
            name='Group',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.SlugField()),
                ('name', models.CharField(max_length=100)),
                ('position', models.PositiveSmallIntegerField()),
                ('share', models.FloatField(validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(1.0)])),
                ('axis', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='groups', to='studies.axis')),
                ('source', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='groups', to='studies.source')),
            ],
            options={
                'ordering': ['axis__position', 'position'],
                'constraints': [models.UniqueConstraint(models.F('axis'), models.F('key'), name='one_group_per_key'), models.CheckConstraint(condition=models.Q(('share__gte', 0.0), ('share__lte', 1.0)), name='group_share_between_0_and_1')],
            },
        ),
        migrations.CreateModel(
            name='ScreenRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=20)),
                ('action', models.CharField(choices=[('strike', 'strike'), ('signal', 'only tell a reviewer'), ('off', 'nothing')], max_length=6)),
                ('threshold', models.FloatField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(0.0)])),
                ('study', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='screen_rules', to='studies.study')),
            ],
            options={
                'ordering': ['study', 'kind'],
                'constraints': [models.UniqueConstraint(models.F('study'), models.F('kind'), name='one_screen_rule_per_kind'), models.CheckConstraint(condition=models.Q(('action__in', ['strike', 'signal', 'off'])), name='screen_action_is_known')],
            },
        ),
        migrations.CreateModel(
            name='LedgerEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('kind', models.CharField(choices=[('study_opened', 'study opened'), ('study_paused', 'study paused'), ('study_closed', 'study closed'), ('study_archived', 'study archived'), ('study_answered', 'question answered'), ('contestant_entered', 'contestant entered'), ('contestant_withdrawn', 'contestant withdrawn'), ('electorate_given', 'electorate given'), ('rules_changed', 'rules changed'), ('exclusion_made', 'exclusion made'), ('exclusion_lifted', 'exclusion lifted'), ('board_taken', 'board published'), ('board_withdrawn', 'board withdrawn'), ('data_shared', 'data shared')], max_length=20)),
                ('at', models.DateTimeField()),
                ('facts', models.JSONField()),
                ('previous', models.CharField(blank=True, max_length=64)),
                ('digest', models.CharField(max_length=64)),
                ('study', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='ledger', to='studies.study')),
            ],
            options={
                'verbose_name_plural': 'ledger entries',
                'ordering': ['study', 'number'],
                'constraints': [models.UniqueConstraint(models.F('study'), models.F('number'), name='one_ledger_entry_per_number_of_a_study'), models.CheckConstraint(condition=models.Q(('kind__in', ['study_opened', 'study_paused', 'study_closed', 'study_archived', 'study_answered', 'contestant_entered', 'contestant_withdrawn', 'electorate_given', 'rules_changed', 'exclusion_made', 'exclusion_lifted', 'board_taken', 'board_withdrawn', 'data_shared'])), name='ledger_kind_is_known'), models.CheckConstraint(condition=models.Q(django.db.models.lookups.Exact(django.db.models.functions.text.Length('digest'), 64)), name='ledger_digest_is_whole'), models.CheckConstraint(condition=models.Q(models.Q(('number', 1), ('previous', '')), models.Q(django.db.models.lookups.Exact(django.db.models.functions.text.Length('previous'), 64), ('number__gt', 1)), _connector='OR'), name='only_the_first_ledger_entry_follows_nothing')],
            },
        ),
        migrations.CreateModel(
            name='Dimension',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.SlugField()),
                ('name', models.CharField(max_length=100)),
                ('question', models.CharField(blank=True, max_length=300)),
                ('help', models.TextField(blank=True)),
                ('weight', models.FloatField(default=1.0, validators=[django.core.validators.MinValueValidator(0.0)])),
                ('position', models.PositiveSmallIntegerField(default=0)),
                ('is_overall', models.BooleanField(default=False)),
                ('study', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='dimensions', to='studies.study')),
            ],
            options={
                'ordering': ['study', 'position', 'key'],
                'constraints': [models.UniqueConstraint(models.F('study'), models.F('key'), name='one_dimension_per_key'), models.UniqueConstraint(condition=models.Q(('is_overall', True)), fields=('study',), name='one_overall_dimension'), models.CheckConstraint(condition=models.Q(('weight__gte', 0.0)), name='weight_is_not_negative')],
            },
        ),
        migrations.CreateModel(
            name='ConsentText',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveSmallIntegerField()),
                ('summary', models.TextField(help_text='In plain words; shown first.')),
                ('text', models.TextField(help_text='In full; shown below.')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('study', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='consent_texts', to='studies.study')),
            ],
            options={
                'ordering': ['study', '-version'],
                'constraints': [models.UniqueConstraint(models.F('study'), models.F('version'), name='one_consent_text_per_version'), models.CheckConstraint(condition=models.Q(models.Q(('summary', ''), _negated=True), models.Q(('text', ''), _negated=True)), name='consent_text_is_not_empty')],
            },
        ),
        migrations.CreateModel(
            name='CompletionCode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('outcome', models.CharField(choices=[('completed', 'completed'), ('screened_out', 'no place left for her groups'), ('struck_out', 'struck out'), ('timed_out', 'timed out'), ('returned', 'left, or did not consent')], max_length=12)),
                ('code', models.CharField(max_length=50)),
                ('redirect_url', models.URLField(blank=True, help_text='Back to the recruiting platform.')),
                ('study', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='completion_codes', to='studies.study')),
            ],
            options={
                'ordering': ['study', 'outcome'],
                'constraints': [models.UniqueConstraint(models.F('study'), models.F('outcome'), name='one_code_per_outcome'), models.CheckConstraint(condition=models.Q(('code', ''), _negated=True), name='completion_code_is_not_empty')],
            },
        ),
        migrations.CreateModel(
            name='AttentionCheck',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('instructed', 'instructed answer'), ('nonsensical', 'nonsensical item'), ('comprehension', 'comprehension question'), ('gold', 'battle with a broken side'), ('repeat', 'battle repeated with sides swapped')], max_length=13)),
                ('question', models.CharField(blank=True, help_text='What she is asked, for an item or a question.', max_length=300)),
                ('answers', models.TextField(blank=True, help_text="One a line. Empty: the study's own, A, about the same, B; or 1 to 7.")),
                ('accepted', models.TextField(blank=True, help_text='The answers that pass, one a line.')),
                ('fault', models.CharField(blank=True, choices=[('off_topic', 'off the topic'), ('truncated', 'cut off in the middle'), ('scrambled', 'words in a random order')], help_text='How the one side is broken.', max_length=9)),
                ('position', models.PositiveSmallIntegerField(default=0)),
                ('study', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='checks', to='studies.study')),
            ],
            options={
                'ordering': ['study', 'position', 'pk'],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('kind__in', ['instructed', 'nonsensical', 'comprehension']), models.Q(('question', ''), _negated=True), models.Q(('accepted', ''), _negated=True)), models.Q(('accepted', ''), ('kind__in', ['gold', 'repeat']), ('question', '')), _connector='OR'), name='check_asks_and_accepts_or_is_a_battle'), models.CheckConstraint(condition=models.Q(('kind', 'gold'), ('fault', ''), _connector='XOR'), name='only_a_gold_battle_has_a_fault')],
            },
        ),
        migrations.CreateModel(
            name='ApiToken',
            fields=[
                ('digest', models.CharField(max_length=128, primary_key=True, serialize=False)),
                ('token_key', models.CharField(db_index=True, max_length=25)),
                ('created', models.DateTimeField(auto_now_add=True)),
                ('expiry', models.DateTimeField(blank=True, null=True)),
                ('label', models.CharField(help_text='What it is for, so that you know which one to revoke.', max_length=100)),
                ('may_read_conversations', models.BooleanField(default=False, help_text="Those of raters who released their words, and raters' groups.", verbose_name='may read conversations')),
                ('may_manage', models.BooleanField(default=False, help_text='Take boards, ask for exports and reports, open, pause and close studies.', verbose_name='may manage studies')),
                ('is_for_all_studies', models.BooleanField(default=False, help_text='All that its user may see, later ones too; else only those that are named.', verbose_name='for all studies')),
                ('last_used_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='auth_token_set', to=settings.AUTH_USER_MODEL)),
                ('studies', models.ManyToManyField(blank=True, related_name='tokens', to='studies.study')),
            ],
            options={
                'verbose_name': 'token',
                'ordering': ['-created'],
            },
        ),
        migrations.CreateModel(
            name='Task',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('area', models.CharField(blank=True, max_length=100)),
                ('category', models.CharField(blank=True, max_length=100)),
                ('name', models.CharField(max_length=100)),
                ('text', models.TextField(help_text='What the rater is asked to do, on her task card.')),
                ('reference', models.TextField(blank=True, help_text='A good reply, written by a person. Raters never see it; judges may compare with it.')),
                ('battles_wanted', models.PositiveIntegerField(blank=True, help_text="The task's quota. For all tasks of a study, or for none: then all are equal.", null=True, validators=[django.core.validators.MinValueValidator(1)])),
                ('position', models.PositiveSmallIntegerField(default=0)),
                ('study', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='tasks', to='studies.study')),
            ],
            options={
                'ordering': ['study', 'position', 'area', 'category', 'name'],
                'constraints': [models.UniqueConstraint(models.F('study'), models.F('area'), models.F('category'), models.F('name'), name='one_task_per_name'), models.CheckConstraint(condition=models.Q(models.Q(('name', ''), _negated=True), models.Q(('text', ''), _negated=True)), name='task_says_something'), models.CheckConstraint(condition=models.Q(models.Q(('area', ''), _negated=True), ('category', ''), _connector='OR'), name='task_category_lies_in_an_area'), models.CheckConstraint(condition=models.Q(('battles_wanted__isnull', True), ('battles_wanted__gt', 0), _connector='OR'), name='task_quota_is_positive')],
            },
        ),
        migrations.CreateModel(
            name='WebhookEndpoint',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('url', models.CharField(max_length=500, verbose_name='address')),
                ('description', models.CharField(blank=True, max_length=200)),
                ('kinds', models.JSONField(blank=True, default=list, help_text='What it is told of; none: everything.', verbose_name='events')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('pause_reason', models.CharField(blank=True, editable=False, max_length=300)),
                ('secret_number', models.PositiveIntegerField(default=1, editable=False)),
                ('created_at', models.DateTimeField(editable=False)),
                ('created_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('study', models.ForeignKey(blank=True, help_text='Empty: all studies.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='webhook_endpoints', to='studies.study')),
            ],
            options={
                'ordering': ['created_at', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='WebhookEvent',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('board.published', 'board published'), ('quota.full', 'quota full'), ('study.finished', 'study finished'), ('budget.spent', 'budget spent'), ('review.waiting', 'strike review waiting'), ('test', 'test')], max_length=20)),
                ('key', models.CharField(max_length=200)),
                ('facts', models.JSONField()),
                ('at', models.DateTimeField()),
                ('study', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='webhook_events', to='studies.study')),
            ],
            options={
                'ordering': ['-at', 'pk'],
                'constraints': [models.UniqueConstraint(models.F('study'), models.F('kind'), models.F('key'), name='one_webhook_event_per_key'), models.CheckConstraint(condition=models.Q(('kind__in', ['board.published', 'quota.full', 'study.finished', 'budget.spent', 'review.waiting', 'test'])), name='webhook_event_kind_is_known')],
            },
        ),
        migrations.CreateModel(
            name='WebhookDelivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('waiting', 'waiting'), ('claimed', 'being sent'), ('delivered', 'delivered'), ('given_up', 'given up')], default='waiting', max_length=9)),
                ('since', models.DateTimeField()),
                ('due_at', models.DateTimeField()),
                ('attempts_made', models.PositiveSmallIntegerField(default=0)),
                ('claim', models.UUIDField(blank=True, null=True)),
                ('leased_until', models.DateTimeField(blank=True, null=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('endpoint', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='studies.webhookendpoint')),
                ('event', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='studies.webhookevent')),
            ],
            options={
                'verbose_name_plural': 'webhook deliveries',
                'ordering': ['-since', '-pk'],
                'indexes': [models.Index(condition=models.Q(('state__in', ['waiting', 'claimed'])), fields=['due_at'], name='deliveries_to_be_made')],
                'constraints': [models.UniqueConstraint(models.F('event'), models.F('endpoint'), name='one_delivery_per_event_and_endpoint'), models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'claimed', 'delivered', 'given_up'])), name='delivery_state_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('claim__isnull', False), ('leased_until__isnull', False), ('state', 'claimed')), models.Q(models.Q(('state', 'claimed'), _negated=True), ('claim__isnull', True), ('leased_until__isnull', True)), _connector='OR'), name='only_a_claimed_delivery_has_claim_and_lease')],
            },
        ),
        migrations.CreateModel(
            name='StoppingRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('sigma', 'every skill known to within a standard deviation'), ('separated', 'every contestant separated from its neighbours'), ('top', 'the top settled'), ('pair', 'two contestants separated')], max_length=10)),
                ('ranking', models.CharField(choices=[('overall', 'the overall ranking'), ('groups', 'the ranking of every group')], default='overall', max_length=10, verbose_name='of')),
                ('confidence', models.FloatField(default=0.95, help_text='How sure it has to be, however often one looks. Not for standard deviations.', validators=[django.core.validators.MinValueValidator(0.5), django.core.validators.MaxValueValidator(0.999)])),
                ('sigma', models.FloatField(blank=True, help_text='In log-odds: at 0.1, an interval of 95 % is about 5 points of win share to either side.', null=True, validators=[django.core.validators.MinValueValidator(0.01)], verbose_name='standard deviation')),
                ('top', models.PositiveSmallIntegerField(blank=True, help_text='How many contestants the top has.', null=True, validators=[django.core.validators.MinValueValidator(1)])),
                ('first', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='studies.contestant')),
                ('second', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='studies.contestant')),
                ('study', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='stopping_rules', to='studies.study')),
            ],
            options={
                'ordering': ['study', 'pk'],
                'constraints': [models.CheckConstraint(condition=models.Q(('kind__in', ['sigma', 'separated', 'top', 'pair'])), name='stopping_kind_is_known'), models.CheckConstraint(condition=models.Q(('ranking__in', ['overall', 'groups'])), name='stopping_ranking_is_known'), models.CheckConstraint(condition=models.Q(('confidence__gte', 0.5), ('confidence__lt', 1.0)), name='stopping_confidence_is_a_chance'), models.CheckConstraint(condition=models.Q(models.Q(('kind', 'sigma'), ('sigma__gt', 0.0)), models.Q(models.Q(('kind', 'sigma'), _negated=True), ('sigma', None)), _connector='OR'), name='only_sigma_has_a_standard_deviation'), models.CheckConstraint(condition=models.Q(models.Q(('kind', 'top'), ('top__gt', 0)), models.Q(models.Q(('kind', 'top'), _negated=True), ('top', None)), _connector='OR'), name='only_the_top_has_a_size'), models.CheckConstraint(condition=models.Q(models.Q(('first__isnull', False), ('kind', 'pair'), ('second__isnull', False), models.Q(('first', models.F('second')), _negated=True)), models.Q(models.Q(('kind', 'pair'), _negated=True), ('first', None), ('second', None)), _connector='OR'), name='only_a_pair_names_two_contestants')],
            },
        ),
        migrations.CreateModel(
            name='Matchup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveIntegerField()),
                ('gain', models.FloatField()),
                ('created_at', models.DateTimeField()),
                ('group', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='studies.group')),
                ('side_a', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='studies.contestant')),
                ('side_b', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='studies.contestant')),
                ('study', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='matchups', to='studies.study')),
            ],
            options={
                'ordering': ['study', 'position'],
                'indexes': [models.Index(fields=['study', 'position'], name='matchups_in_their_order')],
                'constraints': [models.CheckConstraint(condition=models.Q(('side_a', models.F('side_b')), _negated=True), name='a_matchup_has_two_contestants')],
            },
        ),
        migrations.CreateModel(
            name='WebhookAttempt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('status', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('total_ms', models.PositiveIntegerField()),
                ('error', models.CharField(blank=True, max_length=300)),
                ('delivery', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='attempts', to='studies.webhookdelivery')),
            ],
            options={
                'ordering': ['at', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='Cell',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=400)),
                ('share', models.FloatField(validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(1.0)])),
                ('electorate', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='cells', to='studies.electorate')),
            ],
            options={
                'ordering': ['electorate', 'key'],
                'constraints': [models.UniqueConstraint(models.F('electorate'), models.F('key'), name='one_cell_per_key'), models.CheckConstraint(condition=models.Q(('share__gte', 0.0), ('share__lte', 1.0)), name='cell_share_between_0_and_1')],
            },
        ),
        migrations.CreateModel(
            name='CellGroup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('axis', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='studies.axis')),
                ('cell', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='cell_groups', to='studies.cell')),
                ('group', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='cell_groups', to='studies.group')),
            ],
            options={
                'constraints': [models.UniqueConstraint(models.F('cell'), models.F('axis'), name='one_group_per_cell_and_axis')],
            },
        ),
        migrations.AddField(
            model_name='cell',
            name='groups',
            field=models.ManyToManyField(related_name='cells', through='studies.CellGroup', to='studies.group'),
        ),
        migrations.CreateModel(
            name='Quota',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('target', models.PositiveIntegerField()),
                ('cell', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='quotas', to='studies.cell')),
                ('group', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='quotas', to='studies.group')),
                ('study', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='quotas', to='studies.study')),
            ],
            options={
                'ordering': ['study', 'group__axis__position', 'group__position', 'cell__key'],
                'constraints': [models.UniqueConstraint(models.F('study'), models.F('group'), name='one_quota_per_group'), models.UniqueConstraint(models.F('study'), models.F('cell'), name='one_quota_per_cell'), models.CheckConstraint(condition=models.Q(('group__isnull', True), ('cell__isnull', True), _connector='XOR'), name='quota_names_group_or_cell')],
            },
        ),
    ]
